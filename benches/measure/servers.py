"""Starts the servers that are measured: the proxy, the ceiling, the kernel's price and nginx.

A server is a port and the processes that answer there.
"""

import getpass
import json
import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Mapping
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
    """Paths of the executables that are measured."""

    proxy: str
    ceiling: str
    # Another build of the proxy to compare with.
    against: str | None = None


def build(package: str) -> str:
    """Builds a package of this workspace as it is released; returns the path of its executable."""
    command = ["cargo", "build", "--release", "--locked", "--package", package, "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise Failed(f"{package} does not build")
    messages = map(json.loads, built.stdout.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


class Server:
    """A server that listens on this machine."""

    def __init__(self, name: str, processes: list[subprocess.Popen], port: int):
        self.name = name
        self.pids = [process.pid for process in processes]
        self.port = port

    def workers(self) -> list[int]:
        """The ids of the processes that answer."""
        return self.pids

    def document_path(self) -> str:
        return DOCUMENT

    def ask(self, request: Request) -> Answer:
        return ask_once(self.port, request)


class Proxy(Server):
    """This project: a supervisor and its workers."""

    # Its configuration and its state.
    directory: Path

    def workers(self) -> list[int]:
        return [pid for pid in children(self.supervisor()) if _is_worker(pid)]

    def supervisor(self) -> int:
        return self.pids[0]

    def is_ready(self) -> bool:
        try:
            return self.ask(Request(READINESS)).status == 200
        except (OSError, Failed):
            return False


def _is_worker(pid: int) -> bool:
    """Whether a child of the supervisor is a worker, and not a process that compiles a document."""
    try:
        return b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


class Nginx(Server):
    """nginx, which serves the document as a file."""

    def workers(self) -> list[int]:
        return children(self.pids[0])

    def document_path(self) -> str:
        return "/document.json"


def start_proxy(
    processes: Processes,
    executable: str,
    upstream: Upstream,
    *,
    workers: int = 1,
    cores: str | None = machine.SERVER_CORE,
    poll_frequency: float = 3600.0,
    timeout: float = 120.0,
    server: dict[str, int] | None = None,
    settings: dict[str, object] | None = None,
) -> Proxy:
    """Starts the proxy with all environments of `upstream` and waits up to `timeout` seconds until it is ready.

    `poll_frequency`: seconds between two fetches; `server`: settings of that section besides the address;
    `settings`: others.
    """
    directory = _directory(processes)
    config = {
        "environment_key_pairs": [{"server_side_key": f"ser.{key}", "client_side_key": key} for key in upstream.keys],
        "api_url": f"http://127.0.0.1:{upstream.port}/api/v1",
        "api_poll_frequency_seconds": poll_frequency,
        "api_poll_timeout_seconds": 60,
        "server": {"host": "127.0.0.1", "port": 0} | (server or {}),
        "admin": {"port": None},
        "snapshot": {"directory": str(directory / "state")},
    } | (settings or {})
    (directory / "config.json").write_text(json.dumps(config))
    environment = {name: value for name, value in os.environ.items() if name not in ("CONFIG_PATH", "RUST_LOG")}
    process, port = _listening(
        processes,
        [executable, "--config", str(directory / "config.json")],
        directory,
        cores,
        environment | {"WEB_CONCURRENCY": str(workers)},
    )
    proxy = Proxy("proxy", [process], port)
    proxy.directory = directory
    eventually("the proxy to be ready", lambda: _alive(process, directory) and proxy.is_ready(), timeout)
    eventually("all workers to run", lambda: len(proxy.workers()) == workers)
    return proxy


def start_ceiling(
    processes: Processes, executable: str, bodies: list[bytes], cores: tuple[int, ...] = (0,)
) -> Server:
    """Starts a ceiling on each of `cores`, all on one port, with these bodies: flags, document, identities."""
    directory = _directory(processes)
    paths = [directory / name for name in ("flags", "document", "identities")]
    for path, body in zip(paths, bodies, strict=True):
        path.write_bytes(body)
    started, port = [], 0
    for core in cores:
        command = [executable, "framework", str(port), *map(str, paths)]
        process, port = _listening(processes, command, directory, str(core), os.environ)
        started.append(process)
    return Server("ceiling", started, port)


def start_kernel(processes: Processes, executable: str, answer: Answer) -> Server:
    """Starts the bare epoll loop of the executable of the ceiling; it sends `answer` whatever it reads."""
    directory = _directory(processes)
    path = directory / "answer"
    path.write_bytes(answer.head + answer.body)
    command = [executable, "kernel", "0", str(path)]
    process, port = _listening(processes, command, directory, machine.SERVER_CORE, os.environ)
    return Server("kernel", [process], port)


def start_nginx(processes: Processes, profile: Profile) -> Nginx | None:
    """Starts nginx with the document as a file; `None` where it is not installed."""
    nginx = machine.nginx()
    if nginx is None:
        return None
    directory = _directory(processes)
    (directory / "document.json").write_bytes(profile.document)
    # Another process could take the port before nginx does, which is unlikely.
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
    server = Nginx("nginx", [process], port)

    def answers() -> bool:
        try:
            return _alive(process, directory) and server.ask(Request("/document.json")).body == profile.document
        except OSError:
            return False

    eventually("nginx to answer", answers)
    return server


def _listening(
    processes: Processes, command: list[str], directory: Path, cores: str | None, environment: Mapping[str, str]
) -> tuple[subprocess.Popen, int]:
    """Starts a server and reads its port from its log."""
    with open(directory / "log", "wb") as log:
        process = processes.start(command, cores, stdout=log, stderr=log, env=environment)

    def port() -> int | None:
        _alive(process, directory)
        found = re.search(r"listening on http://[^:]*:(\d+)", (directory / "log").read_text())
        return int(found[1]) if found else None

    return process, eventually(f"{command[0]} to listen", port)


def _alive(process: subprocess.Popen, directory: Path) -> bool:
    """True; raises what the log says if the process has ended."""
    if process.poll() is not None:
        log = (directory / "log").read_text()[-2000:]
        raise Failed(f"{process.args[-3:]} ended with status {process.returncode}:\n{log}")
    return True


def _directory(processes: Processes) -> Path:
    """A directory that is removed when all processes have ended."""
    directory = tempfile.TemporaryDirectory(prefix="load-", ignore_cleanup_errors=True)
    processes.at_end(directory.cleanup)
    return Path(directory.name)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
