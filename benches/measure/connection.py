"""A client: one keep-alive connection that sends one request after the other, and the requests it can send.

It reads HTTP only as far as the measured servers need it: answers with a `Content-Length`.
"""

import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

from .processes import Failed

FLAGS = "/api/v1/flags/"
DOCUMENT = "/api/v1/environment-document/"
IDENTITIES = "/api/v1/identities/"
OFREP = "/ofrep/v1/evaluate/flags"
COUNTS = "/api/v1/analytics/flags/"
READINESS = "/proxy/health/readiness"


@dataclass(frozen=True)
class Request:
    """A request, to be sent by this client or by the load generator."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    method: str = "GET"

    def with_headers(self, **headers: str) -> "Request":
        """This request with more headers; an underscore in a name becomes a hyphen."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(self.path, self.headers | more, self.body, self.method)

    def bytes(self) -> bytes:
        """The request on the wire."""
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


def ofrep(key: str, context: bytes, flag: str = "") -> Request:
    """Asks for one flag, or for all."""
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    return Request(f"{OFREP}/{flag}".rstrip("/"), headers, context, "POST")


def counts(key: str, body: bytes) -> Request:
    headers = {"X-Environment-Key": key, "Content-Type": "application/json"}
    headers["Flagsmith-SDK-User-Agent"] = "flagsmith-js-sdk/12.1.0"
    return Request(COUNTS, headers, body, "POST")


def requests(key: str, body: bytes) -> dict[str, Request]:
    """One request of each kind, by the name of its kind."""
    return {"flags": flags(key), "document": document(key), "identities": identities(key, body)}


@dataclass(frozen=True)
class Answer:
    """An answer; the names of its `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    # Status line and headers as they were received, with the empty line.
    head: bytes
    body: bytes

    @property
    def length(self) -> int:
        """Bytes of head and body on the wire."""
        return len(self.head) + len(self.body)


class Connection:
    """A connection to a server on this machine. Each read and write fails after `timeout` seconds."""

    def __init__(self, port: int, timeout: float = 60.0):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def close_at_once(self) -> None:
        """Resets the connection, so that the kernel discards what was not read."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def ask(self, request: Request) -> Answer:
        """Sends a request and reads the answer."""
        return self.ask_bytes(request.bytes())

    def ask_bytes(self, request: bytes) -> Answer:
        self.send(request)
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        status_line, *lines = received[:end].decode("latin-1").split("\r\n")
        status = int(status_line.split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = end + 4
        if status != 304:
            length += int(headers["content-length"])
        while len(received) < length:
            received += self._receive()
        return Answer(status, headers, bytes(received[: end + 4]), bytes(received[end + 4 : length]))

    def _receive(self) -> bytes:
        received = self._socket.recv(1 << 20)
        if not received:
            raise Failed("a server closed a connection in the middle of an answer")
        return received

    def server_inode(self) -> int | None:
        """The inode of the socket at the server's end; `None` until a process has accepted it."""
        ends = f" 0100007F:{self._socket.getpeername()[1]:04X} 0100007F:{self._socket.getsockname()[1]:04X} "
        for line in Path("/proc/net/tcp").read_text().splitlines():
            if ends in line:
                return int(line.split()[9]) or None
        return None


def ask_once(port: int, request: Request) -> Answer:
    """Sends a request on a connection of its own."""
    with Connection(port) as connection:
        return connection.ask(request)
