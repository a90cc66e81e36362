"""The load of a soak: edits documents, kills workers, and has clients come, go and misbehave.

Each of these is an act that a thread repeats until the soak ends; failures are collected.
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

# The profiles that an environment changes between, from small to large.
SIZES = ("small", "readme", "reference", "mebibyte")
# Seconds after a kill in which connections may break.
_AFTERMATH = 2.0
_VALUE = re.compile(rb"version-(\d{6})")


class Churn:
    """Threads that repeat acts, the count of each act, and the first failures."""

    def __init__(self) -> None:
        self.acts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.killed_at = 0.0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, what: str, act: Callable[[], object], pause: float) -> None:
        """Repeats `act` in a thread of its own, with a pause in seconds, until `stop`. Any exception is a failure."""

        def run() -> None:
            while not self._stop.wait(pause):
                try:
                    act()
                    self.acts[what] += 1
                except Exception as problem:  # noqa: BLE001: every exception is a failure of the soak
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

    def killed_lately(self) -> bool:
        """A worker was killed so recently that its connections may break."""
        return time.monotonic() - self.killed_at < _AFTERMATH


@dataclass
class Environment:
    """An environment whose document is edited: the newest version, the newest one seen in an answer, and digests."""

    key: str
    number: int = 0
    seen: int = 0
    digests: dict[int, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def profile(self, name: str) -> profiles.Profile:
        """The document of that profile, with the key of this environment."""
        base = _BASES[name]
        changed = base.document.replace(base.key.encode(), self.key.encode())
        return profiles.Profile(self.key.removeprefix("client_"), changed, base.body)

    def edit(self, upstream: Upstream, size: str) -> None:
        """Puts the next version upstream."""
        # The version counts as put before it is, because an answer may contain it before `put` returns.
        with self.lock:
            self.number += 1
            text, edited, _ = self.profile(size).version(self.number)
            self.digests[self.number] = hashlib.sha256(text).digest()
            self.digests.pop(self.number - 100, None)
        upstream.put(self.key, text, edited)

    def check(self, body: bytes, seen_before: int, whole: bool = False) -> None:
        """Raises unless the body has a version that was put, and no older one than `seen_before`.

        `seen_before`: the newest version seen before the request was sent. `whole`: the body is the whole document.
        """
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
    """A client with one kept connection that asks for flags, identities and documents and checks every answer."""

    def __init__(self, churn: Churn, proxy: Proxy, environments: list[Environment], chance: random.Random):
        self._churn, self._proxy, self._environments, self._chance = churn, proxy, environments, chance
        self._connection: Connection | None = None

    def act(self) -> None:
        environment = self._chance.choice(self._environments)
        seen = environment.seen
        kind = self._chance.randrange(10)
        if kind == 0:
            environment.check(self._ask(document(environment.key)).body, seen, whole=True)
        elif kind < 4:
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
                if not self._churn.killed_lately():
                    raise
                self._churn.acts["broken by a kill"] += 1
                continue
            if answer.status != 200:
                raise Failed(f"status {answer.status}: {answer.body[:200]!r}")
            return answer


class Crowd:
    """Connections that come and go: some idle, some cut off in a request, some with garbage."""

    def __init__(self, proxy: Proxy, key: str, size: int, chance: random.Random):
        self._proxy, self._size, self._chance = proxy, size, chance
        self._good = Request(FLAGS, {"X-Environment-Key": key}).bytes()
        self._kept: list[socket.socket] = []

    def act(self) -> None:
        """Opens one more connection and closes one at random when there are too many."""
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
            # The worker refused the bytes, or was killed.
            pass
        self._kept.append(client)
        while len(self._kept) > self._size:
            self._kept.pop(self._chance.randrange(len(self._kept))).close()


def kill_one(churn: Churn, proxy: Proxy, workers: int, spared: int, chance: random.Random) -> None:
    """Kills a random worker other than `spared` and waits for its replacement."""
    before = proxy.workers()
    victim = chance.choice([pid for pid in before if pid != spared])
    churn.killed_at = time.monotonic()
    os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        now = proxy.workers()
        return len(now) == workers and victim not in now

    eventually(f"the replacement of worker {victim}", replaced)
    churn.killed_at = time.monotonic()
