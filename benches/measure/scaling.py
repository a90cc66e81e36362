"""Experiment: what a second core costs a request: two workers by one, against two ceilings by one."""

import functools
import statistics

from . import connection, servers, table
from .load import CONNECTIONS, Load
from .processes import Processes, bind
from .profiles import Profile
from .runs import in_turn, median, quotients
from .settings import Row, Settings
from .upstream import Upstream

PROFILES = ("readme", "reference", "overrides")
_CORES = ((0,), (0, 1))

_NOTES = """
us: CPU time of all workers (or ceilings) by all requests; medians of the rounds. Two workers, and two ceilings, share
one port with a socket each. Each process has a core of its own, which it shares with the load that keeps it busy. The
kernel gives a connection to either process, so that its client is often on the other core, and packets that cross cores
cost more. The ceilings show how much more: they are the proxy's web framework with the same bytes to send, and have
nothing in common but the port.
two/one: what a request costs with two by what it costs with one; the median over the rounds of the quotient within the
round. proxy/ceiling: two/one of the proxy by two/one of the ceilings, likewise. The aim is 1.00: workers cost each
other no more than processes do that share a port. requests/s say nothing here, because servers and load share the
cores.
"""


def measure(settings: Settings) -> None:
    rows = settings.rows("scaling", PROFILES, _profile)
    heads = ["profile", "request", "1 worker us", "2 workers us", "two/one"]
    heads += ["1 ceiling us", "2 ceilings us", "two/one", "proxy/ceiling"]
    table.show("Two workers on two cores", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: Profile) -> list[Row]:
    upstream = Upstream(processes, [profile])
    proxies = [_proxy(settings, processes, upstream, cores) for cores in _CORES]
    kinds = connection.requests(profile.key, profile.body)
    bodies = [proxies[0].ask(request).body for request in kinds.values()]
    ceilings = [servers.start_ceiling(processes, settings.executables.ceiling, bodies, cores) for cores in _CORES]
    load = Load(processes, settings.seconds)
    rows: list[Row] = []
    for kind in ("flags", "identities"):
        request = kinds[kind]
        measurements = {
            (server.name, len(cores)): functools.partial(
                load.run,
                server,
                [request],
                [server.ask(request)],
                cores=",".join(map(str, cores)),
                connections=len(cores) * CONNECTIONS,
                threads=len(cores),
            )
            for pair in (proxies, ceilings)
            for server, cores in zip(pair, _CORES, strict=True)
        }
        runs = in_turn(settings.rounds, measurements)
        row: Row = [profile.name, kind]
        factors = []
        for name in ("proxy", "ceiling"):
            one, two = runs[name, 1], runs[name, 2]
            factors.append(quotients(two, one, "cpu_us"))
            row += [median(one, "cpu_us"), median(two, "cpu_us"), statistics.median(factors[-1])]
        rows.append([*row, statistics.median(proxy / ceiling for proxy, ceiling in zip(*factors, strict=True))])
    return rows


def _proxy(settings: Settings, processes: Processes, upstream: Upstream, cores: tuple[int, ...]) -> servers.Proxy:
    """A proxy with a worker on each of these cores."""
    proxy = servers.start_proxy(processes, settings.executables.proxy, upstream, workers=len(cores), cores=None)
    for core, worker in zip(cores, proxy.workers(), strict=True):
        bind(worker, core)
    return proxy
