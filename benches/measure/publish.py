"""Experiment: time from the last byte of an edited document until each worker serves it, and latencies meanwhile."""

import contextlib
import functools
import itertools
import os
import statistics
import threading
import time

from . import connection, profiles, servers, table
from .connection import Request
from .load import Load
from .processes import Failed, Processes, bind
from .reach import each_worker
from .runs import Run, in_turn, median, ratio
from .settings import Row, Settings, progress
from .upstream import Upstream

# The number of edits of each profile.
EDITS = {"mebibyte": 100, "overrides": 10, "overrides100k": 5}
_WORKERS = 2
# Seconds between two fetches.
_POLL_FREQUENCY = 0.02
# Seconds until an edited document has to be served.
_SERVED_TIMEOUT = 120.0

_SERVED_NOTES = """
ms from the last byte that upstream sent until a worker served the new document. A client asks the two workers in turn
without a pause; first, last: the first and the last of them to serve it. Supervisor and upstream on core 0, workers and
client on core 1.
"""
_LATENCY_NOTES = """
Latencies in us, medians of the rounds; 20 connections to two workers; nothing is bound to a core. publishing: the
document of one MiB is edited every second. p99 x idle: the median over the rounds of the quotient within the round.
"""


def measure(settings: Settings) -> None:
    rows = [_served(settings, name, EDITS[name]) for name in settings.chosen(tuple(EDITS))]
    heads = ["profile", "bytes", "edits", "first: median", "max", "last: median", "max"]
    table.show("From upstream's last byte to the workers' first answer", heads, rows, _SERVED_NOTES)
    if settings.chosen(("mebibyte",)):
        _while_publishing(settings)


def _served(settings: Settings, name: str, edits: int) -> Row:
    progress(f"publish: {name}")
    profile = profiles.profile(name)
    with Processes() as processes, _bound(1):
        upstream = Upstream(processes, [profile], cores="0")
        proxy = _start(settings, processes, upstream, cores="0")
        for worker in proxy.workers():
            bind(worker, 1)
        workers = list(each_worker(proxy).values())
        times = [_edit(upstream, profile, number, workers) for number in range(1, edits + 1)]
    first, last = [min(both) for both in times], [max(both) for both in times]
    figures = [figure(of) for of in (first, last) for figure in (statistics.median, max)]
    return [name, len(profile.document), edits, *figures]


def _start(settings: Settings, processes: Processes, upstream: Upstream, cores: str | None) -> servers.Proxy:
    proxy = settings.executables.proxy
    return servers.start_proxy(
        processes, proxy, upstream, workers=_WORKERS, cores=cores, poll_frequency=_POLL_FREQUENCY
    )


def _edit(
    upstream: Upstream, profile: profiles.Profile, number: int, workers: list[connection.Connection]
) -> list[float]:
    """Edits the document; returns the milliseconds until each worker served it."""
    request = Request(f"{connection.FLAGS}?feature=payments_feature_01", {"X-Environment-Key": profile.key}).bytes()
    edited, value = upstream.edit(profile, number)
    deadline = time.monotonic() + _SERVED_TIMEOUT
    waiting = list(workers)
    served_ns = []
    while waiting:
        for worker in list(waiting):
            if value in worker.ask_bytes(request).body:
                served_ns.append(time.monotonic_ns())
                waiting.remove(worker)
        if time.monotonic() > deadline:
            raise Failed(f"{profile.name}: edit {number} was not served within {_SERVED_TIMEOUT:.0f} s")
    sent_ns = upstream.sent_ns(profile.key, edited, _SERVED_TIMEOUT)
    return [(at - sent_ns) / 1e6 for at in served_ns]


@contextlib.contextmanager
def _bound(core: int):
    """Binds this process to one core until the block ends."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _while_publishing(settings: Settings) -> None:
    progress("publish: requests while publishing")
    profile = profiles.profile("mebibyte")
    with Processes() as processes:
        upstream = Upstream(processes, [profile], cores=None)
        # All versions have one length; the document before the first edit has another.
        upstream.edit(profile, 1)
        proxy = _start(settings, processes, upstream, cores=None)
        request = connection.flags(profile.key)
        load = Load(processes, settings.seconds)
        idle = functools.partial(load.run, proxy, [request], [proxy.ask(request)], cores=None)
        versions = itertools.count(2)

        def publishing() -> Run:
            stop = threading.Event()

            def edit() -> None:
                while not stop.is_set():
                    upstream.edit(profile, next(versions))
                    stop.wait(1.0)

            editing = threading.Thread(target=edit)
            editing.start()
            try:
                return idle()
            finally:
                stop.set()
                editing.join()

        runs = in_turn(settings.rounds, {"idle": idle, "publishing": publishing})
    rows: list[Row] = []
    for name, own in runs.items():
        latencies = [round(median(own, figure)) for figure in ("p50", "p99", "longest")]
        rows.append([name, median(own, "per_second"), *latencies, ratio(own, runs["idle"], "p99")])
    table.show("Flags while publishing", ["", "req/s", "p50", "p99", "longest", "p99 x idle"], rows, _LATENCY_NOTES)
