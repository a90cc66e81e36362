"""Experiment: one worker on one core against the ceiling, and nginx for large documents."""

import functools

from . import connection, profiles, servers, table
from .load import Load, Run, in_turn, median, ratio
from .processes import Failed, Processes
from .settings import Settings
from .upstream import Upstream

PROFILES = profiles.LOADED
_BESIDE_NGINX = ("reference", "overrides")

_NOTES = """
req/s, CPU per request (us, of all threads of the process that answers), p50 and p99 (us): medians of the rounds.
busy: cores that the server used; below 1.00 the load generator was the limit, and req/s say nothing of the server.
x req/s, x CPU: the median over the rounds of the quotient by the ceiling, within the round. One worker on core 0, wrk
with 20 keep-alive connections on core 1; servers in turn, every other round backwards.
"""


def measure(settings: Settings) -> None:
    rows = []
    for name in settings.chosen(PROFILES):
        settings.tell(f"throughput: {name}")
        with Processes() as processes:
            rows += _profile(settings, processes, profiles.profile(name))
    heads = ["profile", "request", "server", "req/s", "CPU us", "busy", "p50 us", "p99 us", "x req/s", "x CPU"]
    table.show("Throughput of one worker on one core", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: profiles.Profile) -> list[list[object]]:
    upstream = Upstream(processes, [profile])
    proxy = servers.start_proxy(processes, settings.executables, upstream)
    requests = {
        "flags": connection.flags(profile.key),
        "document": connection.document(profile.key),
        "identities": connection.identities(profile.key, profile.body),
    }
    answers = {name: proxy.ask(request) for name, request in requests.items()}
    ceiling = servers.start_ceiling(processes, settings.executables, [answer.body for answer in answers.values()])
    nginx = servers.start_nginx(processes, profile) if profile.name in _BESIDE_NGINX else None
    if nginx is None and profile.name in _BESIDE_NGINX:
        settings.tell("nginx is not installed: left out")
    load = Load(processes, settings.seconds)
    rows = []
    for name, request in requests.items():
        measured = [proxy, ceiling]
        if name == "document" and nginx is not None:
            measured.append(nginx)
        measurements = {}
        for server in measured:
            asked = request
            if name == "document":
                asked = connection.Request(server.document_path(), request.headers)
            answer = server.ask(asked)
            if answer.status != 200 or answer.body != answers[name].body:
                raise Failed(f"{profile.name} {name}: {server.name} answers {answer.status}, or other bytes")
            measurements[server.name] = functools.partial(load.run, server, asked, answer)
        if name == "document" and answers[name].body != profile.document:
            raise Failed(f"{profile.name}: the document is not what upstream sent")
        for warm_up in measurements.values():
            warm_up()
        runs = in_turn(settings.rounds, measurements)
        rows += [[profile.name, name, server, *_figures(one, runs["ceiling"])] for server, one in runs.items()]
    return rows


def _figures(runs: list[Run], ceiling: list[Run]) -> list[object]:
    figures = [median(runs, figure) for figure in (_per_second, _cpu_us, lambda run: run.busy)]
    latencies = [round(median(runs, figure)) for figure in (lambda run: run.p50, lambda run: run.p99)]
    ratios = [ratio(runs, ceiling, figure) for figure in (_per_second, _cpu_us)]
    return figures + latencies + ratios


def _per_second(run: Run) -> float:
    return run.per_second


def _cpu_us(run: Run) -> float:
    return run.cpu_us
