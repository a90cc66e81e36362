"""Experiment: what a request costs with two workers on two cores, by what it costs with one worker on one."""

import concurrent.futures

from . import connection, profiles, servers, table
from .load import CONNECTIONS, Load, Run, in_turn, median, ratio
from .processes import Processes, bind
from .settings import Settings
from .upstream import Upstream

PROFILES = ("readme", "reference", "overrides")

_NOTES = """
CPU per request: CPU time of all workers by all requests, in us; median of the rounds. Each worker has a core of its own
and shares it with the load that keeps it busy, in all cases alike, so that requests/s say nothing here: what a request
costs does. apart: two proxies of one worker each, on a core each, both at the same time: what two busy cores cost each
other, whoever uses them. x one, x apart: the median over the rounds of the quotient of two workers by that within the
round; 1.00 says that n workers on n cores serve n times as much.
"""


def measure(settings: Settings) -> None:
    rows = []
    for name in settings.chosen(PROFILES):
        settings.tell(f"scaling: {name}")
        with Processes() as processes:
            rows += _profile(settings, processes, profiles.profile(name))
    heads = ["profile", "request", "1 worker: CPU us", "apart: CPU us", "2 workers: CPU us", "x one", "x apart"]
    table.show("Two workers on two cores", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: profiles.Profile) -> list[list[object]]:
    upstream = Upstream(processes, [profile])
    one, other = _proxy(settings, processes, upstream, [0]), _proxy(settings, processes, upstream, [1])
    two = _proxy(settings, processes, upstream, [0, 1])
    load, beside = Load(processes, settings.seconds), Load(processes, settings.seconds)
    rows = []
    for name, request in {
        "flags": connection.flags(profile.key),
        "identities": connection.identities(profile.key, profile.body),
    }.items():
        answer = one.ask(request)

        def apart() -> Run:
            with concurrent.futures.ThreadPoolExecutor() as both:
                runs = [
                    both.submit(load.run, one, request, answer, cores="0"),
                    both.submit(beside.run, other, request, answer, cores="1"),
                ]
            return _together(*[run.result() for run in runs])

        measurements = {
            "one": lambda: load.run(one, request, answer, cores="0"),
            "apart": apart,
            "two": lambda: load.run(two, request, answer, cores="0,1", connections=2 * CONNECTIONS, threads=2),
        }
        for warm_up in measurements.values():
            warm_up()
        runs = in_turn(settings.rounds, measurements)
        cpu = [median(run, _cpu_us) for run in runs.values()]
        ratios = [ratio(runs["two"], runs[which], _cpu_us) for which in ("one", "apart")]
        rows.append([profile.name, name, *cpu, *ratios])
    return rows


def _together(one: Run, other: Run) -> Run:
    """Two runs at the same time, as one."""
    return Run(
        one.requests + other.requests,
        max(one.seconds, other.seconds),
        one.cpu_ns + other.cpu_ns,
        max(one.p50, other.p50),
        max(one.p99, other.p99),
        max(one.longest, other.longest),
    )


def _proxy(settings: Settings, processes: Processes, upstream: Upstream, cores: list[int]) -> servers.Proxy:
    """A proxy with a worker on each of these cores."""
    proxy = servers.start_proxy(processes, settings.executables, upstream, workers=len(cores), cores=None)
    for core, worker in zip(cores, proxy.workers(), strict=True):
        bind(worker, core)
    return proxy


def _cpu_us(run: Run) -> float:
    return run.cpu_us
