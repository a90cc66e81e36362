"""The servers that are measured: the proxy, the ceiling, nginx; started, found ready, and what they consist of.

Knows no experiment. A server is a port and the processes that answer there.
"""

import getpass
import json
import os
import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import machine
from .connection import DOCUMENT, READINESS, Answer, Request, ask_once
from .processes import Failed, Processes, children, eventually
from .profiles import Profile
from .upstream import Upstream

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Executables:
    """What is measured."""

    proxy: str
    ceiling: str


def build(package: str) -> str:
    """Builds a package of this workspace as it is released; gives its executable."""
    command = ["cargo", "build", "--release", "--locked", "--package", package, "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise Failed(f"{package} does not build")
    messages = map(json.loads, built.stdout.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


class Server:
    """A server that listens on this machine."""

    def __init__(self, name: str, process: subprocess.Popen, port: int):
        self.name = name
        self.process = process
        self.port = port

    def workers(self) -> list[int]:
        """The process ids of those that answer."""
        return [self.process.pid]

    def document_path(self) -> str:
        return DOCUMENT

    def ask(self, request: Request) -> Answer:
        return ask_once(self.port, request)


class Proxy(Server):
    """This project: a supervisor and its workers."""

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def supervisor(self) -> int:
        return self.process.pid

    def is_ready(self) -> bool:
        try:
            return self.ask(Request(READINESS)).status == 200
        except (OSError, Failed):
            return False


class Nginx(Server):
    """nginx, which serves a file."""

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def document_path(self) -> str:
        return "/document.json"


def start_proxy(
    processes: Processes,
    executables: Executables,
    upstream: Upstream,
    *,
    workers: int = 1,
    cores: str | None = machine.SERVER_CORE,
    poll: float = 3600.0,
    patience: float = 120.0,
    server: dict[str, int] | None = None,
) -> Proxy:
    """Starts the proxy with all environments of `upstream`; gives it when it is ready.

    `poll`: seconds between two fetches; `patience`: seconds it may take; `server`: settings beyond its address.
    """
    directory = _directory(processes)
    config = {
        "environment_key_pairs": [{"server_side_key": f"ser.{key}", "client_side_key": key} for key in upstream.keys],
        "api_url": f"http://127.0.0.1:{upstream.port}/api/v1",
        "api_poll_frequency_seconds": poll,
        "api_poll_timeout_seconds": 60,
        "server": {"host": "127.0.0.1", "port": 0} | (server or {}),
        "snapshot": {"directory": str(directory / "state")},
    }
    (directory / "config.json").write_text(json.dumps(config))
    environment = {name: value for name, value in os.environ.items() if name not in ("CONFIG_PATH", "RUST_LOG")}
    process, port = _listening(
        processes,
        [executables.proxy, "--config", str(directory / "config.json")],
        directory,
        cores,
        environment | {"WEB_CONCURRENCY": str(workers)},
    )
    proxy = Proxy("proxy", process, port)
    eventually("the proxy to be ready", lambda: _alive(process, directory) and proxy.is_ready(), patience)
    eventually("all workers", lambda: len(proxy.workers()) == workers)
    return proxy


def start_ceiling(processes: Processes, executables: Executables, bodies: list[bytes]) -> Server:
    """Starts the ceiling with these three answers: flags, document, identities."""
    directory = _directory(processes)
    paths = []
    for name, body in zip(("flags", "document", "identities"), bodies, strict=True):
        paths.append(str(directory / name))
        Path(paths[-1]).write_bytes(body)
    process, port = _listening(processes, [executables.ceiling, *paths], directory, machine.SERVER_CORE, os.environ)
    return Server("ceiling", process, port)


def start_nginx(processes: Processes, profile: Profile) -> Nginx | None:
    """Starts nginx with the document as a file; `None` where it is not installed."""
    nginx = machine.nginx()
    if nginx is None:
        return None
    directory = _directory(processes)
    (directory / "document.json").write_bytes(profile.document)
    # Free now, and hardly anybody else takes one before nginx does.
    port = _free_port()
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(
        f"""
        {user} daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/log;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; sendfile on; keepalive_requests 1000000000; types {{ application/json json; }}
            client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
            server {{ listen 127.0.0.1:{port}; root {directory}; }}
        }}
        """
    )
    with open(directory / "log", "ab") as log:
        command = [nginx, "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", str(directory / "log")]
        process = processes.start(command, machine.SERVER_CORE, stdout=log, stderr=log)
    server = Nginx("nginx", process, port)

    def answers() -> bool:
        try:
            return _alive(process, directory) and server.ask(Request("/document.json")).body == profile.document
        except OSError:
            return False

    eventually("nginx", answers)
    return server


def _listening(
    processes: Processes, command: list[str], directory: Path, cores: str | None, environment
) -> tuple[subprocess.Popen, int]:
    with open(directory / "log", "wb") as log:
        process = processes.start(command, cores, stdout=log, stderr=log, env=environment)

    def port() -> int | None:
        _alive(process, directory)
        found = re.search(r"listening on http://[^:]*:(\d+)", (directory / "log").read_text())
        return int(found[1]) if found else None

    return process, eventually(f"{command[0]} to listen", port)


def _alive(process: subprocess.Popen, directory: Path) -> bool:
    if process.poll() is not None:
        log = (directory / "log").read_text()[-2000:]
        raise Failed(f"{process.args[-3:]} ended with status {process.returncode}:\n{log}")
    return True


def _directory(processes: Processes) -> Path:
    """A directory that is removed after the process that uses it has ended."""
    directory = tempfile.TemporaryDirectory(prefix="load-", ignore_cleanup_errors=True)
    processes.at_end(directory.cleanup)
    return Path(directory.name)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
