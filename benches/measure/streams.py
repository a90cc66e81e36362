"""Experiment: 10,000 streams: their memory, how soon the last client is told, requests beside them, and a chain."""

import contextlib
import functools
import itertools
import resource
import select
import socket
import statistics
import threading
import time

from . import connection, machine, profiles, servers, table
from .connection import Request
from .footprint import private_mib
from .load import Load
from .processes import Failed, Processes, eventually
from .runs import Run, in_turn, median, ratio
from .settings import Row, Settings, progress
from .upstream import Upstream

PROFILES = ("small",)
_STREAMS = 10_000
_WORKERS = 2
_EDITS = 20
# Seconds until all clients have to be told.
_TOLD_TIMEOUT = 30.0
# Seconds until the memory of the workers is looked at.
_SETTLE = 2.0
_TOKEN = "measured"
_SETTINGS = {"sse_authentication_token": _TOKEN, "realtime": {"stream_seconds": 3600}}
# The end of the chunk with which a stream begins.
_OPENED = b"\n\n\r\n"

_TOLD_NOTES = """
Two workers; nothing is bound to a core. KiB each: growth of the private memory of both workers by the streams. CPU us:
what telling one client costs a worker. Then ms, median and max, until the first and until all clients have the event in
their socket: after upstream sent the last byte of the edited document, and, for all, after the hook was called
(queue-change), which has it fetched.
"""
_REQUESTS_NOTES = """
GET /api/v1/flags/ on 20 keep-alive connections to two workers; nothing is bound to a core. edits: the document changes
every second, and all streams are told. by none: the quotient within a round, the median over the rounds.
"""
_CHAIN_NOTES = """
ms from the call of the first proxy's hook until its clients are told, and from then until those of a second proxy are,
which has the first as upstream and follows its streams. One client each.
"""


def measure(settings: Settings) -> None:
    for name in settings.chosen(PROFILES):
        profile = profiles.profile(name)
        _raise_limit()
        progress("streams: told")
        _told(settings, profile)
        progress("streams: requests beside them")
        _requests(settings, profile)
        progress("streams: a chain")
        _chain(settings, profile)


class Streams:
    """Clients of streams that read nothing but what opens them, until they are asked to."""

    def __init__(self, port: int, key: str, count: int):
        request = f"GET /sse/environments/{key}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._epoll = select.epoll()
        self._sockets: list[socket.socket] = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), 60)
            client.sendall(request)
            self._sockets.append(client)
        for client in self._sockets:
            received = b""
            while not received.endswith(_OPENED):
                more = client.recv(4096)
                if not more:
                    raise Failed(f"a stream was refused: {received[:200]!r}")
                received += more
            # Each arrival is reported once, so that waiting for the last costs little.
            self._epoll.register(client, select.EPOLLIN | select.EPOLLET)

    def __enter__(self) -> "Streams":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._sockets:
            client.close()
        self._epoll.close()

    def read(self) -> None:
        """Reads what has come."""
        for client in self._sockets:
            with contextlib.suppress(BlockingIOError):
                client.recv(1 << 16, socket.MSG_DONTWAIT)

    def told_ns(self) -> tuple[int, int]:
        """When something had come for one client, and for all; reads it then."""
        deadline, first = time.monotonic() + _TOLD_TIMEOUT, 0
        told: set[int] = set()
        while time.monotonic() < deadline:
            told.update(descriptor for descriptor, _ in self._epoll.poll(0.1, len(self._sockets)))
            now = time.monotonic_ns()
            first = first or (now if told else 0)
            if len(told) == len(self._sockets):
                self.read()
                return first, now
        raise Failed(f"not every client was told within {_TOLD_TIMEOUT:.0f} s")


def _start(settings: Settings, processes: Processes, upstream: Upstream, **more: object) -> servers.Proxy:
    proxy = settings.executables.proxy
    return servers.start_proxy(
        processes, proxy, upstream, workers=_WORKERS, cores=None, settings=_SETTINGS | more
    )


def _edit(proxy: servers.Proxy, upstream: Upstream, profile: profiles.Profile, number: int) -> tuple[int, int]:
    """Edits the document and calls the hook; returns the second of the edit, and when the hook was called."""
    edited, _ = upstream.edit(profile, number)
    hook = Request(
        f"/sse/environments/{profile.key}/queue-change", {"Authorization": f"Token {_TOKEN}"}, b"{}", "POST"
    )
    called = time.monotonic_ns()
    if proxy.ask(hook).status != 202:
        raise Failed("the hook was refused")
    return edited, called


def _told(settings: Settings, profile: profiles.Profile) -> None:
    with Processes() as processes:
        upstream = Upstream(processes, [profile], cores=None)
        proxy = _start(settings, processes, upstream)
        # What a worker needs for the first of anything does not count.
        with Streams(proxy.port, profile.key, 100):
            before = sum(private_mib(proxy.workers()))
        begun = time.monotonic()
        with Streams(proxy.port, profile.key, _STREAMS) as streams:
            opened = (time.monotonic() - begun) / _STREAMS * 1e6
            time.sleep(_SETTLE)
            each = (sum(private_mib(proxy.workers())) - before) * 1024 / _STREAMS
            times, cpu_before = [], machine.cpu_ns(proxy.workers())
            for number in range(1, _EDITS + 1):
                edited, called = _edit(proxy, upstream, profile, number)
                first, last = streams.told_ns()
                sent = upstream.sent_ns(profile.key, edited, _TOLD_TIMEOUT)
                times.append([(first - sent) / 1e6, (last - sent) / 1e6, (last - called) / 1e6])
            cpu = (machine.cpu_ns(proxy.workers()) - cpu_before) / _EDITS / _STREAMS / 1000
    figures = [figure(of) for of in zip(*times) for figure in (statistics.median, max)]
    heads = ["streams", "KiB each", "us to open", "CPU us", "first", "max", "all", "max", "from hook", "max"]
    table.show("Streams", heads, [[_STREAMS, each, opened, cpu, *figures]], _TOLD_NOTES)


def _requests(settings: Settings, profile: profiles.Profile) -> None:
    with Processes() as processes, contextlib.ExitStack() as stack:
        upstream = Upstream(processes, [profile], cores=None)
        # All versions have one length; the document before the first edit has another.
        upstream.edit(profile, 1)
        without, beside = (_start(settings, processes, upstream) for _ in range(2))
        streams = stack.enter_context(Streams(beside.port, profile.key, _STREAMS))
        request, load = connection.flags(profile.key), Load(processes, settings.seconds)
        versions = itertools.count(2)

        def run(proxy: servers.Proxy) -> Run:
            return load.run(proxy, [request], [proxy.ask(request)], cores=None)

        def with_edits() -> Run:
            stop = threading.Event()

            def edit() -> None:
                while not stop.wait(1.0):
                    _edit(beside, upstream, profile, next(versions))

            editing = threading.Thread(target=edit)
            editing.start()
            try:
                return run(beside)
            finally:
                stop.set()
                editing.join()
                streams.read()

        measurements = {
            "none": functools.partial(run, without),
            f"{_STREAMS:,} streams": functools.partial(run, beside),
            "and edits": with_edits,
        }
        runs = in_turn(settings.rounds, measurements)
    rows: list[Row] = []
    for name, own in runs.items():
        latencies = [round(median(own, figure)) for figure in ("p50", "p99", "longest")]
        rows.append([name, median(own, "per_second"), *latencies, ratio(own, runs["none"], "per_second")])
    table.show("Requests beside streams", ["", "req/s", "p50", "p99", "longest", "by none"], rows, _REQUESTS_NOTES)


def _chain(settings: Settings, profile: profiles.Profile) -> None:
    with Processes() as processes:
        upstream = Upstream(processes, [profile], cores=None)
        near = _start(settings, processes, upstream)
        url = f"http://127.0.0.1:{near.port}"
        far = _start(
            settings, processes, upstream, api_url=f"{url}/api/v1", realtime={"url": url, "stream_seconds": 3600}
        )
        health = Request(connection.READINESS)
        eventually("the second proxy to follow", lambda: b'"connected":1' in far.ask(health).body)
        hops = []
        with Streams(near.port, profile.key, 1) as of_near, Streams(far.port, profile.key, 1) as of_far:
            for number in range(1, _EDITS + 1):
                _, called = _edit(near, upstream, profile, number)
                first, _ = of_near.told_ns()
                second, _ = of_far.told_ns()
                hops.append([(first - called) / 1e6, (second - first) / 1e6])
    figures = [figure(of) for of in zip(*hops) for figure in (statistics.median, max)]
    table.show("Two proxies in a row", ["first: median", "max", "second: median", "max"], [figures], _CHAIN_NOTES)


def _raise_limit() -> None:
    """Lets this process have that many connections open, and the proxies that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < _STREAMS + 1000:
        raise Failed(f"needs a limit of open files of {_STREAMS + 1000}; the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
