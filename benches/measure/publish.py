"""Experiment: how soon each worker serves a document that upstream has sent, and what requests notice of it."""

import contextlib
import os
import statistics
import threading
import time

from . import connection, profiles, servers, table
from .connection import Request
from .load import Load, Run, in_turn, median, ratio
from .processes import Failed, Processes, bind
from .reach import each_worker
from .settings import Settings
from .upstream import Upstream

# Documents, and how often each is edited.
EDITS = {"mebibyte": 100, "overrides": 10, "overrides100k": 5}
_WORKERS = 2
# Seconds between two fetches.
_POLL = 0.02
# How long an edited document may take.
_PATIENCE = 120.0

_SERVED_NOTES = """
ms from the last byte that upstream sent until a worker served the new document, as a client sees it who asks each of
the two workers in turn without a pause; first, last: the first and the last worker. Supervisor and upstream on core 0,
workers and client on core 1.
"""
_MEANWHILE_NOTES = """
us, medians of the rounds; 20 connections to two workers; nothing is bound to a core. publishing: the document of one
MiB is edited every second. x: the median over the rounds of the quotient within the round.
"""


def measure(settings: Settings) -> None:
    rows = [_served(settings, name, EDITS[name]) for name in settings.chosen(tuple(EDITS))]
    heads = ["profile", "bytes", "edits", "first: median", "max", "last: median", "max"]
    table.show("From upstream's last byte to the workers' first answer", heads, rows, _SERVED_NOTES)
    if settings.chosen(("mebibyte",)):
        _meanwhile(settings)


def _served(settings: Settings, name: str, edits: int) -> list[object]:
    settings.tell(f"publish: {name}")
    profile = profiles.profile(name)
    with Processes() as processes, _bound(1):
        upstream = Upstream(processes, [profile], cores="0")
        proxy = servers.start_proxy(
            processes, settings.executables, upstream, workers=_WORKERS, cores="0", poll=_POLL
        )
        for worker in proxy.workers():
            bind(worker, 1)
        workers = list(each_worker(proxy).values())
        times = [_edit(upstream, profile, number, workers) for number in range(1, edits + 1)]
    first, last = [min(both) for both in times], [max(both) for both in times]
    figures = [figure(of) for of in (first, last) for figure in (statistics.median, max)]
    return [name, len(profile.document), edits, *figures]


def _edit(
    upstream: Upstream, profile: profiles.Profile, number: int, workers: list[connection.Connection]
) -> list[float]:
    """Edits the document; gives the milliseconds until each worker served it."""
    request = Request(f"{connection.FLAGS}?feature=payments_feature_01", {"X-Environment-Key": profile.key}).bytes()
    edited, value = upstream.edit(profile, number)
    deadline = time.monotonic() + _PATIENCE
    waiting = list(workers)
    served_ns = []
    while waiting:
        for worker in list(waiting):
            if value in worker.ask_bytes(request).body:
                served_ns.append(time.monotonic_ns())
                waiting.remove(worker)
        if time.monotonic() > deadline:
            raise Failed(f"{profile.name}: edit {number} was not served within {_PATIENCE:.0f} s")
    sent_ns = upstream.sent_ns(profile.key, edited, _PATIENCE)
    return [(at - sent_ns) / 1e6 for at in served_ns]


@contextlib.contextmanager
def _bound(core: int):
    """This process on one core, for a while."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _meanwhile(settings: Settings) -> None:
    settings.tell("publish: requests meanwhile")
    profile = profiles.profile("mebibyte")
    with Processes() as processes:
        upstream = Upstream(processes, [profile], cores=None)
        # All answers of one length.
        upstream.edit(profile, 1)
        proxy = servers.start_proxy(
            processes, settings.executables, upstream, workers=_WORKERS, cores=None, poll=_POLL
        )
        request = connection.flags(profile.key)
        answer = proxy.ask(request)
        load = Load(processes, settings.seconds)
        numbers = iter(range(2, 1 << 20))

        def publishing() -> Run:
            stop = threading.Event()

            def edit() -> None:
                while not stop.is_set():
                    upstream.edit(profile, next(numbers))
                    stop.wait(1.0)

            editing = threading.Thread(target=edit)
            editing.start()
            try:
                return load.run(proxy, request, answer, cores=None)
            finally:
                stop.set()
                editing.join()

        idle = lambda: load.run(proxy, request, answer, cores=None)  # noqa: E731
        idle()
        runs = in_turn(settings.rounds, {"idle": idle, "publishing": publishing})
    rows = []
    for name, one in runs.items():
        latencies = [round(median(one, figure)) for figure in (lambda run: run.p50, _p99, lambda run: run.longest)]
        rows.append([name, median(one, lambda run: run.per_second), *latencies, ratio(one, runs["idle"], _p99)])
    table.show("Flags while publishing", ["", "req/s", "p50", "p99", "longest", "p99 x idle"], rows, _MEANWHILE_NOTES)


def _p99(run: Run) -> float:
    return run.p99
