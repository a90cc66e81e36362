"""Experiment: what a request costs with two workers on two cores, by what it costs with one worker on one."""

from . import connection, profiles, servers, table
from .load import CONNECTIONS, Load, Run, in_turn, median, ratio
from .processes import Processes, bind
from .settings import Settings
from .upstream import Upstream

PROFILES = ("readme", "reference", "overrides")

_NOTES = """
CPU per request: CPU time of all workers by all requests, in us; median of the rounds. Each worker has a core of its own
and shares it with the load that keeps it busy, in both cases alike, so that requests/s say nothing here: what a request
costs does. x one: the median over the rounds of the quotient within the round; 1.00 says that n workers on n cores
serve n times as much.
"""


def measure(settings: Settings) -> None:
    rows = []
    for name in settings.chosen(PROFILES):
        settings.tell(f"scaling: {name}")
        with Processes() as processes:
            rows += _profile(settings, processes, profiles.profile(name))
    heads = ["profile", "request", "1 worker: CPU us", "2 workers: CPU us", "x one"]
    table.show("Two workers on two cores", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: profiles.Profile) -> list[list[object]]:
    upstream = Upstream(processes, [profile])
    one = _proxy(settings, processes, upstream, 1)
    two = _proxy(settings, processes, upstream, 2)
    load = Load(processes, settings.seconds)
    rows = []
    for name, request in {
        "flags": connection.flags(profile.key),
        "identities": connection.identities(profile.key, profile.body),
    }.items():
        answer = one.ask(request)
        measurements = {
            "one": lambda: load.run(one, request, answer, cores="0"),
            "two": lambda: load.run(two, request, answer, cores="0,1", connections=2 * CONNECTIONS, threads=2),
        }
        for warm_up in measurements.values():
            warm_up()
        runs = in_turn(settings.rounds, measurements)
        cpu = [median(runs[which], _cpu_us) for which in ("one", "two")]
        rows.append([profile.name, name, *cpu, ratio(runs["two"], runs["one"], _cpu_us)])
    return rows


def _proxy(settings: Settings, processes: Processes, upstream: Upstream, workers: int) -> servers.Proxy:
    proxy = servers.start_proxy(processes, settings.executables, upstream, workers=workers, cores=None)
    for core, worker in enumerate(proxy.workers()):
        bind(worker, core)
    return proxy


def _cpu_us(run: Run) -> float:
    return run.cpu_us
