"""What happens to a proxy in a soak: documents change, workers are killed, clients come, go and misbehave.

Each churn is a thread that acts until it is told to stop, and remembers what went wrong.
"""

import hashlib
import os
import random
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from . import profiles
from .connection import FLAGS, Answer, Connection, Request, document, identities
from .processes import Failed, eventually
from .servers import Proxy
from .upstream import Upstream

# The documents that an environment has in turn: small to large.
SIZES = ("small", "readme", "reference", "mebibyte")
# How long after a kill connections may break.
_AFTERMATH = 2.0
_VALUE = re.compile(rb"version-(\d{6})")


class Churn:
    """Threads that act; how often they did; and the first things that went wrong."""

    def __init__(self):
        self.acts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.killed_at = 0.0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, what: str, act: Callable[[], object], pause: float) -> None:
        """Acts every `pause` seconds in a thread of its own, until the end. What is raised is wrong."""

        def run() -> None:
            while not self._stop.wait(pause):
                try:
                    act()
                    self.acts[what] += 1
                except Exception as problem:  # noqa: BLE001: whatever it is, it is told
                    self.fail(f"{what}: {problem!r}")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)

    def fail(self, what: str) -> None:
        self.acts["wrong"] += 1
        if len(self.wrong) < 20:
            self.wrong.append(what)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def excused(self) -> bool:
        """Whether a worker was killed lately, so that its connections had to break."""
        return time.monotonic() - self.killed_at < _AFTERMATH


@dataclass
class Environment:
    """An environment whose document is edited: every version that was put, and the newest that was seen."""

    key: str
    number: int = 0
    seen: int = 0
    digests: dict[int, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def profile(self, name: str) -> profiles.Profile:
        """The document of that size, with the key of this environment."""
        base = _BASES[name]
        changed = base.document.replace(base.key.encode(), self.key.encode())
        return profiles.Profile(self.key.removeprefix("client_"), changed, base.body)

    def edit(self, upstream: Upstream, size: str) -> None:
        # What is being put may be seen before this returns.
        with self.lock:
            self.number += 1
            text, edited, _ = self.profile(size).version(self.number)
            self.digests[self.number] = hashlib.sha256(text).digest()
            self.digests.pop(self.number - 100, None)
        upstream.put(self.key, text, edited)

    def check(self, body: bytes, seen_before: int, whole: bool = False) -> None:
        """Raises unless the body is of a version that was put, and of none older than one seen before it was asked."""
        found = _VALUE.search(body)
        if not found:
            raise Failed(f"{self.key}: no version in {body[:200]!r}")
        number = int(found[1])
        with self.lock:
            newest, digest = self.number, self.digests.get(number)
            self.seen = max(self.seen, number)
        if not seen_before <= number <= newest:
            raise Failed(f"{self.key}: version {number} after {seen_before}, newest {newest}")
        if whole and digest not in (None, hashlib.sha256(body).digest()):
            raise Failed(f"{self.key}: version {number} is not the document that was put")


_BASES = {name: profiles.profile(name) for name in SIZES}


class Client:
    """Steady load: one kept connection, flags, identities and documents in turn, every answer checked."""

    def __init__(self, churn: Churn, proxy: Proxy, environments: list[Environment], chance: random.Random):
        self._churn, self._proxy, self._environments, self._chance = churn, proxy, environments, chance
        self._connection: Connection | None = None

    def act(self) -> None:
        environment = self._chance.choice(self._environments)
        seen = environment.seen
        way = self._chance.randrange(10)
        if way == 0:
            environment.check(self._ask(document(environment.key)).body, seen, whole=True)
        elif way < 4:
            body = _BASES["small"].body
            answer = self._ask(identities(environment.key, body)).body
            if not answer.startswith(b'{"identifier":"do_it_all_in_one_go_identity",'):
                raise Failed(f"{environment.key}: another identity: {answer[:200]!r}")
        else:
            one = Request(f"{FLAGS}?feature=payments_feature_01", {"X-Environment-Key": environment.key})
            environment.check(self._ask(one).body, seen)

    def _ask(self, request: Request) -> Answer:
        while True:
            try:
                self._connection = self._connection or Connection(self._proxy.port, 30)
                answer = self._connection.ask(request)
            except (OSError, Failed, ValueError):
                self._connection = None
                if not self._churn.excused():
                    raise
                self._churn.acts["broken by a kill"] += 1
                continue
            if answer.status != 200:
                raise Failed(f"status {answer.status}: {answer.body[:200]!r}")
            return answer


class Crowd:
    """Connections that come and go: kept idle, slow, cut off in the middle, or full of garbage."""

    def __init__(self, proxy: Proxy, key: str, size: int, chance: random.Random):
        self._proxy, self._size, self._chance = proxy, size, chance
        self._good = Request(FLAGS, {"X-Environment-Key": key}).bytes()
        self._kept: list[socket.socket] = []

    def act(self) -> None:
        """One more; whatever becomes of it, nobody waits."""
        client = socket.create_connection(("127.0.0.1", self._proxy.port), 30)
        client.settimeout(30)
        kind = self._chance.randrange(5)
        try:
            if kind == 0:
                client.sendall(self._chance.randbytes(self._chance.randrange(1, 3000)))
            elif kind == 1:
                client.sendall(self._good[: self._chance.randrange(len(self._good))])
            elif kind == 2:
                client.sendall(b"POST /api/v1/identities/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{")
            else:
                client.sendall(self._good)
                client.recv(1 << 16)
        except OSError:
            # Closed for what it sent, or with its worker.
            pass
        self._kept.append(client)
        while len(self._kept) > self._size:
            self._kept.pop(self._chance.randrange(len(self._kept))).close()


def kill_one(churn: Churn, proxy: Proxy, workers: int, spared: int, chance: random.Random) -> None:
    """Kills a worker, any but the spared one, and waits for its successor."""
    before = proxy.workers()
    victim = chance.choice([pid for pid in before if pid != spared])
    churn.killed_at = time.monotonic()
    os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        now = proxy.workers()
        return len(now) == workers and victim not in now

    eventually(f"the successor of worker {victim}", replaced)
    churn.killed_at = time.monotonic()
