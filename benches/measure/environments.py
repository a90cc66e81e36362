"""Experiment: 10,000 small environments in one proxy, and one: start, memory, requests."""

import functools
import time

from . import connection, machine, profiles, servers, table
from .footprint import median_private_mib, pss_mib
from .load import Load
from .processes import Failed, Processes
from .runs import in_turn, median
from .settings import Row, Settings, progress
from .upstream import Upstream

# Seconds that a proxy may take to be ready.
_READY_TIMEOUT = 300.0

_NOTES = """
ready s: from the start of the process until it is ready, with every document fetched from the stub upstream on core 1.
CPU s: CPU time that supervisor and upstream spent until then. Memory after the load, in MiB: supervisor and worker are
PSS, private is the worker's memory that it shares with nobody. The last columns: requests for flags to one worker on
core 0, with all keys in turn or with one key; requests/s and CPU per request (us), medians of the rounds.
"""


def measure(settings: Settings) -> None:
    rows: list[Row] = []
    try:
        for count in (1, settings.environments):
            progress(f"environments: {count:,}")
            with Processes() as processes:
                rows.append(_environments(settings, processes, count))
    finally:
        # If the many do not start, the one is still worth showing.
        if rows:
            heads = ["environments", "ready s", "supervisor CPU s", "upstream CPU s", "supervisor", "worker", "private"]
            heads += ["in turn: req/s", "CPU us", "one key: req/s", "CPU us"]
            table.show("Many environments", heads, rows, _NOTES)


def _environments(settings: Settings, processes: Processes, count: int) -> Row:
    upstream = Upstream(processes, profiles.small_environments(count))
    started = time.monotonic()
    proxy = servers.start_proxy(processes, settings.executables.proxy, upstream, timeout=_READY_TIMEOUT)
    ready = time.monotonic() - started
    cpu = [machine.cpu_ns([pid]) / 1e9 for pid in (proxy.supervisor(), upstream.pid)]
    first, last = upstream.keys[0], upstream.keys[-1]
    answer, other = proxy.ask(connection.flags(first)), proxy.ask(connection.flags(last))
    if answer.status != 200 or (other.status, other.body) != (answer.status, answer.body):
        raise Failed(f"{count} environments: the first answers {answer.status}, the last {other.status}")
    load = Load(processes, settings.seconds)
    measurements = {
        "in turn": functools.partial(load.run, proxy, [connection.flags(key) for key in upstream.keys], [answer]),
        # Twice, so that the load generator takes it from a list, too.
        "one": functools.partial(load.run, proxy, [connection.flags(first)] * 2, [answer]),
    }
    runs = in_turn(settings.rounds, measurements)
    figures = [median(own, figure) for own in runs.values() for figure in ("per_second", "cpu_us")]
    memory = [pss_mib([proxy.supervisor()]), pss_mib(proxy.workers()), median_private_mib(proxy.workers())]
    return [count, ready, *cpu, *memory, *figures]
