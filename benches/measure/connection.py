"""A client: one keep-alive connection, one request after the other.

Knows HTTP as far as the measured servers speak it, and nothing of what they are.
"""

import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

from .processes import Failed

FLAGS = "/api/v1/flags/"
DOCUMENT = "/api/v1/environment-document/"
IDENTITIES = "/api/v1/identities/"
READINESS = "/proxy/health/readiness"


@dataclass(frozen=True)
class Request:
    """A request as it is sent, by the client here or by the load generator."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    method: str = "GET"

    def with_headers(self, **headers: str) -> "Request":
        """The same with more headers; an underscore in a name stands for a hyphen."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(self.path, self.headers | more, self.body, self.method)

    def bytes(self) -> bytes:
        headers = {"Host": "127.0.0.1"} | self.headers
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.path} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def flags(key: str) -> Request:
    return Request(FLAGS, {"X-Environment-Key": key})


def document(key: str) -> Request:
    return Request(DOCUMENT, {"X-Environment-Key": f"ser.{key}"})


def identities(key: str, body: bytes) -> Request:
    headers = {"X-Environment-Key": key, "Content-Type": "application/json"}
    return Request(IDENTITIES, headers, body, "POST")


@dataclass(frozen=True)
class Answer:
    """An answer as it came; names of headers in lower case; `length`: of head and body on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    length: int


class Connection:
    """A connection to a server on this machine. Gives up after `patience` seconds of silence."""

    def __init__(self, port: int, patience: float = 60.0):
        self._socket = socket.create_connection(("127.0.0.1", port), patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def close_at_once(self) -> None:
        """Closes without a goodbye, so that what is still to be read is thrown away."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def ask(self, request: Request) -> Answer:
        return self.ask_bytes(request.bytes(), bodiless=request.method == "HEAD")

    def ask_bytes(self, request: bytes, bodiless: bool = False) -> Answer:
        self.send(request)
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._some()
        status_line, *lines = received[:end].decode("latin-1").split("\r\n")
        status = int(status_line.split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = end + 4
        if not bodiless and status != 304:
            length += int(headers["content-length"])
        while len(received) < length:
            received += self._some()
        return Answer(status, headers, bytes(received[end + 4 : length]), length)

    def _some(self) -> bytes:
        received = self._socket.recv(1 << 20)
        if not received:
            raise Failed("a server closed a connection in the middle of an answer")
        return received

    def server_inode(self) -> int | None:
        """The inode of the socket at the other end; `None` while no process has accepted it."""
        ends = f" 0100007F:{self._socket.getpeername()[1]:04X} 0100007F:{self._socket.getsockname()[1]:04X} "
        for line in Path("/proc/net/tcp").read_text().splitlines():
            if ends in line:
                return int(line.split()[9]) or None
        return None


def ask_once(port: int, request: Request) -> Answer:
    with Connection(port) as connection:
        return connection.ask(request)
