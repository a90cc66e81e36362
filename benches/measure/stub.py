"""The stub upstream: serves the document that lies in a directory under the name of the key that asks.

A process of its own, run as `python3 -m measure.stub DIRECTORY`. Prints its port, then a line for each document sent:
the key, the second of its edit, and the time after its last byte on the clock that never jumps, in nanoseconds. Ends
when its input does. A document's time of modification is the second of its edit: who has that one gets 304.
"""

import os
import socketserver
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path


class Conversation(socketserver.StreamRequestHandler):
    """One connection, for as many requests as it brings."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        while self.rfile.readline().strip():
            headers = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
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
            # In one piece: other connections have a word too.
            os.write(sys.stdout.fileno(), f"{key} {edited} {time.monotonic_ns()}\n".encode())


class Stub(socketserver.ThreadingTCPServer):
    """The server; every connection has a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, directory: Path):
        self.directory = directory
        super().__init__(("127.0.0.1", 0), Conversation)

    def handle_error(self, request: object, client_address: object) -> None:
        """A proxy that ends closes its connections: nothing to tell."""


def main() -> None:
    stub = Stub(Path(sys.argv[1]))
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    print(stub.server_address[1], flush=True)
    # Whoever started this holds the other end, and is gone when it closes.
    sys.stdin.read()


if __name__ == "__main__":
    main()
