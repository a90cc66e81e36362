"""Experiment: memory with a 50 MB document, with each profile, and with 200 clients that do not read."""

import time

from . import connection, profiles, servers, table
from .connection import Connection
from .footprint import MIB, median_private_mib, private_mib, pss_mib
from .processes import Processes
from .reach import each_worker
from .settings import Row, Settings, progress
from .upstream import Upstream

PROFILES = profiles.LOADED
_LARGE = "50MB"
_SLOW_READERS = 200
# Memory is settled when it has not changed for so many seconds, or after so many in all.
_UNCHANGED = 1.0
_SETTLE_TIMEOUT = 30.0

_NOTES = """
In MiB, after every worker has answered a request for the document, for flags and for an identity. proxy: memory of
supervisor and workers together (PSS: a shared page counts once); supervisor, workers: the parts of that. private:
memory that a worker shares with nobody (clean and dirty, median); with one worker the snapshot is part of it, because
nobody else maps it. per further worker: growth of `workers` since the row above, by the workers added.
"""


def measure(settings: Settings) -> None:
    rows: list[Row] = []
    for name in settings.chosen((_LARGE, *PROFILES)):
        progress(f"memory: {name}")
        rows += _rows(settings, profiles.profile(name), (1, 4, 16) if name == _LARGE else (1, 4))
    heads = ["profile", "document", "count", "proxy", "supervisor", "workers", "private", "per further worker"]
    table.show("Memory", heads, rows, _NOTES)
    if settings.chosen((_LARGE,)):
        progress("memory: slow readers")
        _slow_readers(settings, profiles.profile(_LARGE))


def _rows(settings: Settings, profile: profiles.Profile, numbers: tuple[int, ...]) -> list[Row]:
    rows: list[Row] = []
    before = None
    for number in numbers:
        with Processes() as processes:
            upstream = Upstream(processes, [profile])
            proxy = servers.start_proxy(processes, settings.executables.proxy, upstream, workers=number, cores=None)
            _serve_from_each(proxy, profile)
            supervisor = pss_mib([proxy.supervisor()])
            workers = pss_mib(proxy.workers())
            further = None if before is None else (workers - before[1]) / (number - before[0])
            private = median_private_mib(proxy.workers())
            memory = [supervisor + workers, supervisor, workers, private, further]
            rows.append([profile.name, len(profile.document) / MIB, number, *memory])
            before = (number, workers)
    return rows


def _serve_from_each(proxy: servers.Proxy, profile: profiles.Profile) -> None:
    for worker in each_worker(proxy).values():
        with worker:
            worker.ask(connection.document(profile.key))
            worker.ask(connection.flags(profile.key))
            worker.ask(connection.identities(profile.key, profile.body))


def _slow_readers(settings: Settings, profile: profiles.Profile) -> None:
    with Processes() as processes:
        upstream = Upstream(processes, [profile])
        proxy = servers.start_proxy(processes, settings.executables.proxy, upstream, cores=None)
        _serve_from_each(proxy, profile)
        before = _settled(proxy)
        readers = [Connection(proxy.port) for _ in range(_SLOW_READERS)]
        for reader in readers:
            reader.send(connection.document(profile.key).bytes())
        during = _settled(proxy)
        for reader in readers:
            reader.close_at_once()
        after = _settled(proxy)
    growth = (during - before) * 1024 / _SLOW_READERS
    table.show(
        f"One worker and {_SLOW_READERS} clients that ask for {len(profile.document):,} bytes and read nothing",
        ["private MiB before", "during", "after", "KiB per client"],
        [[before, during, after, growth]],
    )


def _settled(proxy: servers.Proxy) -> float:
    """The private memory of the worker in MiB, once it has settled."""
    deadline = time.monotonic() + _SETTLE_TIMEOUT
    size, since = -1.0, time.monotonic()
    while time.monotonic() < min(deadline, since + _UNCHANGED):
        time.sleep(0.05)
        (now,) = private_mib(proxy.workers())
        if now != size:
            size, since = now, time.monotonic()
    return size
