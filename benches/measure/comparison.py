"""Two builds of the proxy in the same rounds: what a request costs with the one, by what it costs with the other.

`throughput --against PATH` runs this. It is how a change is held to cost no more than 2 %.
"""

import functools
import statistics

from . import requests, servers, table
from .load import Load
from .processes import Processes
from .profiles import Profile
from .runs import in_turn, median, quotients
from .settings import Row, Settings
from .upstream import Upstream

_NOTES = """
One worker on core 0; wrk with 20 keep-alive connections on core 1; the two builds in turn, every other round backwards.
proxy us, against us: CPU per request of the measured build and of the one of --against, medians of the rounds.
proxy/against: the median over the rounds of the quotient within the round; 1.00 means no difference, 1.02 that a
request costs 2 % more than before. lowest, highest: of these quotients; where they lie far apart, take more rounds.
"""


def measure(settings: Settings, names: tuple[str, ...]) -> None:
    rows = settings.rows("comparison", names, _profile)
    heads = ["profile", "request", "proxy us", "against us", "proxy/against", "lowest", "highest"]
    table.show("CPU per request of two builds of the proxy", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: Profile) -> list[Row]:
    upstream = Upstream(processes, [profile])
    executables = {"proxy": settings.executables.proxy, "against": settings.executables.against}
    builds = {name: servers.start_proxy(processes, path, upstream) for name, path in executables.items()}
    load = Load(processes, settings.seconds)
    rows: list[Row] = []
    for kind, some in requests.in_turn(profile).items():
        measurements = {
            name: functools.partial(load.run, proxy, some, [proxy.ask(request) for request in some])
            for name, proxy in builds.items()
        }
        runs = in_turn(settings.rounds, measurements)
        values = sorted(quotients(runs["proxy"], runs["against"], "cpu_us"))
        costs = [median(runs[name], "cpu_us") for name in builds]
        rows.append([profile.name, kind, *costs, statistics.median(values), values[0], values[-1]])
    return rows
