"""Experiment: what identity overrides cost a request for an identity, by their number and kind."""

import functools

from . import connection, profiles, servers, table
from .load import Load, Run, in_turn, median, ratio
from .processes import Failed, Processes
from .settings import Settings
from .upstream import Upstream

PROFILES = ("readme", "none", "overrides", "distinct", "overrides100k")
_BASE = "none"

_NOTES = """
One proxy with an environment for each profile, one worker on core 0. `none` is `overrides` without its 10,000 overrides;
those of `distinct` all differ; `readme` has no segments either. other: the same body asked of each, of an identity
without an override; overridden: of one that has an override, where the profile has any. x none, x readme: CPU per
request, the median over the rounds of the quotient within the round.
"""


def measure(settings: Settings) -> None:
    names = settings.chosen(PROFILES)
    if _BASE not in names or "readme" not in names:
        settings.tell("overrides: needs the profiles none and readme: left out")
        return
    settings.tell("overrides")
    with Processes() as processes:
        upstream = Upstream(processes, [profiles.profile(name) for name in names])
        proxy = servers.start_proxy(processes, settings.executables, upstream)
        load = Load(processes, settings.seconds)
        bodies = {
            "other": profiles.profile("readme").body,
            "overridden": profiles.profile("overrides").body,
        }
        rows = []
        for what, body in bodies.items():
            rows += _body(settings, proxy, load, names, what, body)
    heads = ["identity", "profile", "req/s", "CPU us", "x none", "x readme"]
    table.show("Identities and their overrides", heads, rows, _NOTES)


def _body(
    settings: Settings, proxy: servers.Proxy, load: Load, names: list[str], what: str, body: bytes
) -> list[list[object]]:
    measurements = {}
    for name in names:
        request = connection.identities(profiles.profile(name).key, body)
        answer = proxy.ask(request)
        if answer.status != 200:
            raise Failed(f"overrides: {name} answers {answer.status}")
        measurements[name] = functools.partial(load.run, proxy, request, answer)
    for warm_up in measurements.values():
        warm_up()
    runs = in_turn(settings.rounds, measurements)
    return [
        [
            what,
            name,
            median(one, lambda run: run.per_second),
            median(one, _cpu_us),
            ratio(one, runs[_BASE], _cpu_us),
            ratio(one, runs["readme"], _cpu_us),
        ]
        for name, one in runs.items()
    ]


def _cpu_us(run: Run) -> float:
    return run.cpu_us
