"""Experiment: many small environments in one proxy, by one."""

import functools
import time

from . import connection, machine, profiles, servers, table
from .footprint import median_private_mib, pss_mib
from .load import Load, in_turn, median
from .processes import Failed, Processes
from .settings import Settings
from .upstream import Upstream

# How long a proxy may take to be ready.
_PATIENCE = 300.0

_NOTES = """
ready: seconds from the start of the process until readiness, every document fetched from the stub upstream on core 1;
CPU s: what supervisor and upstream spent for that. Memory in MiB, after the load: PSS, and what the worker has for
itself. Flags of one worker on core 0, keys in turn or one key: requests/s and CPU per request (us), medians of the
rounds.
"""


def measure(settings: Settings) -> None:
    rows: list[list[object]] = []
    try:
        for count in (1, settings.environments):
            settings.tell(f"environments: {count:,}")
            with Processes() as processes:
                rows.append(_environments(settings, processes, count))
    finally:
        # What there is, when the many are too many.
        if rows:
            heads = ["environments", "ready s", "supervisor CPU s", "upstream CPU s", "supervisor", "worker", "private"]
            heads += ["in turn: req/s", "CPU us", "one key: req/s", "CPU us"]
            table.show("Many environments", heads, rows, _NOTES)


def _environments(settings: Settings, processes: Processes, count: int) -> list[object]:
    upstream = Upstream(processes, profiles.small_environments(count))
    started = time.monotonic()
    proxy = servers.start_proxy(processes, settings.executables, upstream, patience=_PATIENCE)
    ready = time.monotonic() - started
    cpu = [machine.cpu_ns([pid]) / 1e9 for pid in (proxy.supervisor(), upstream.pid)]
    first, last = upstream.keys[0], upstream.keys[-1]
    answer, other = proxy.ask(connection.flags(first)), proxy.ask(connection.flags(last))
    if answer.status != 200 or (other.status, other.body) != (answer.status, answer.body):
        raise Failed(f"{count} environments: the first answers {answer.status}, the last {other.status}")
    load = Load(processes, settings.seconds)
    request = connection.flags(first)

    measurements = {
        way: functools.partial(load.run, proxy, request, answer, keys=keys)
        for way, keys in (("in turn", upstream.keys), ("one", [first]))
    }
    for warm_up in measurements.values():
        warm_up()
    runs = in_turn(settings.rounds, measurements)
    figures = []
    for one in runs.values():
        figures += [median(one, lambda run: run.per_second), median(one, lambda run: run.cpu_us)]
    memory = [pss_mib([proxy.supervisor()]), pss_mib(proxy.workers()), median_private_mib(proxy.workers())]
    return [count, ready, *cpu, *memory, *figures]
