"""Experiment: identities requests in environments with 0, 10,000 and 100,000 identity overrides."""

import functools

from . import connection, profiles, servers, table
from .load import Load
from .processes import Failed, Processes
from .runs import in_turn, median, ratio
from .settings import Row, Settings, progress
from .upstream import Upstream

PROFILES = ("readme", "none", "overrides", "distinct", "overrides100k")
_BASE = "none"

_NOTES = """
One proxy with an environment for each profile; one worker on core 0. `none` is `overrides` without its overrides; in
`distinct` no two overrides are equal; `readme` has no segments either. identity: `other` has no override in any
environment, `overridden` has one where there are any. x none, x readme: CPU per request by that of the profile `none`
or `readme`, the median over the rounds of the quotient within the round.
"""


def measure(settings: Settings) -> None:
    names = settings.chosen(PROFILES)
    if _BASE not in names or "readme" not in names:
        progress("overrides: needs the profiles none and readme: left out")
        return
    progress("overrides")
    with Processes() as processes:
        upstream = Upstream(processes, [profiles.profile(name) for name in names])
        proxy = servers.start_proxy(processes, settings.executables.proxy, upstream)
        load = Load(processes, settings.seconds)
        bodies = {"other": profiles.profile("readme").body, "overridden": profiles.profile("overrides").body}
        rows: list[Row] = []
        for identity, body in bodies.items():
            rows += _identity(settings, proxy, load, names, identity, body)
    heads = ["identity", "profile", "req/s", "CPU us", "x none", "x readme"]
    table.show("Identities and their overrides", heads, rows, _NOTES)


def _identity(
    settings: Settings, proxy: servers.Proxy, load: Load, names: list[str], identity: str, body: bytes
) -> list[Row]:
    measurements = {}
    for name in names:
        request = connection.identities(profiles.profile(name).key, body)
        answer = proxy.ask(request)
        if answer.status != 200:
            raise Failed(f"overrides: {name} answers {answer.status}")
        measurements[name] = functools.partial(load.run, proxy, [request], [answer])
    runs = in_turn(settings.rounds, measurements)
    rows: list[Row] = []
    for name, own in runs.items():
        figures = [median(own, figure) for figure in ("per_second", "cpu_us")]
        figures += [ratio(own, runs[base], "cpu_us") for base in (_BASE, "readme")]
        rows.append([identity, name, *figures])
    return rows
