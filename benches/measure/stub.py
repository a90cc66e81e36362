"""The stub upstream: serves the files of a directory as documents; a file's name is the client-side key.

It is a process of its own, `python3 -m measure.stub DIRECTORY`. It prints its port, then a line for each document that
it sent: the key, the second of the last edit, and the monotonic time after the last byte, in nanoseconds. It ends when
its standard input is closed. A file's modification time is the second of the last edit; `If-Modified-Since` with that
second is answered with 304.
"""

import os
import socketserver
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path


class Conversation(socketserver.StreamRequestHandler):
    """One keep-alive connection."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        while self.rfile.readline().strip():
            headers = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            if length := int(headers.get("content-length", 0)):
                # A report that the proxy forwards.
                self.rfile.read(length)
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            self._answer(headers.get("x-environment-key", ""), headers.get("if-modified-since"))

    def _answer(self, key: str, since: str | None) -> None:
        try:
            with open(self.server.directory / key.removeprefix("ser."), "rb") as file:
                edited = int(os.fstat(file.fileno()).st_mtime)
                document = b"" if since == formatdate(edited, usegmt=True) else file.read()
        except OSError:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        status = "200 OK" if document else "304 Not Modified"
        head = f"HTTP/1.1 {status}\r\nDate: {formatdate(usegmt=True)}\r\n"
        head += f"Last-Modified: {formatdate(edited, usegmt=True)}\r\n"
        if document:
            head += f"Content-Type: application/json\r\nContent-Length: {len(document)}\r\n"
        self.wfile.write(head.encode() + b"\r\n")
        if document:
            self.wfile.write(document)
            # One write per line, because the threads of other connections print as well.
            os.write(sys.stdout.fileno(), f"{key} {edited} {time.monotonic_ns()}\n".encode())


class Stub(socketserver.ThreadingTCPServer):
    """The server, with a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, directory: Path):
        self.directory = directory
        super().__init__(("127.0.0.1", 0), Conversation)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignores broken connections: a proxy closes its connections when it ends."""


def main() -> None:
    stub = Stub(Path(sys.argv[1]))
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    print(stub.server_address[1], flush=True)
    # The process that started this holds the other end and closes it when it ends.
    sys.stdin.read()


if __name__ == "__main__":
    main()
