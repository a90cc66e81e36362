"""The soak: stresses a proxy for minutes and fails when its memory grows or an answer is wrong."""

import argparse
import random
import signal
import sys
import time

from . import growth, machine, servers, table
from .churn import SIZES, Churn, Client, Crowd, Environment, kill_one
from .growth import Series, Verdict, holding
from .processes import Failed, Processes
from .servers import Proxy
from .upstream import Upstream

_CLIENTS = 4
# Seconds between two samples of what the processes hold.
_SAMPLE_PERIOD = 0.5
# The connection limit is below the size of the crowd, so that idle connections are closed to make room; the timeouts
# are short, so that they expire often.
_SERVER = {"max_connections": 60, "header_timeout_seconds": 2, "body_timeout_seconds": 2, "keep_alive_seconds": 10}
_CROWD = 250

_NOTES = """
before, after: lower quartile of the samples in the second and in the last quarter of the run. The first worker is never
killed. The other workers are killed and replaced; of these the largest one is sampled.
"""


def main() -> int:
    """Runs what the command line says and returns the exit status: 1 for growth or a wrong answer."""
    arguments = _parser().parse_args()
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    try:
        proxy = arguments.proxy or servers.build("edge-proxy")
        print(machine.description())
        return 0 if soak(proxy, arguments.minutes * 60, arguments.environments, arguments.workers) else 1
    except Failed as problem:
        print(f"soak: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def soak(executable: str, seconds: float, count: int, workers: int) -> bool:
    """Runs the soak and prints the verdicts; true when nothing grew and no answer was wrong."""
    chance = random.Random(time.time_ns())
    environments = [Environment(f"client_soak_{number:02}") for number in range(count)]
    churn = Churn()
    with Processes() as processes:
        upstream = Upstream(processes, [], cores=None)
        for environment in environments:
            environment.edit(upstream, "small")
            upstream.keys.append(environment.key)
        proxy = servers.start_proxy(
            processes,
            executable,
            upstream,
            workers=workers,
            cores=None,
            poll_frequency=0.2,
            server=_SERVER,
        )
        spared = proxy.workers()[0]
        for _ in range(_CLIENTS):
            client = Client(churn, proxy, environments, random.Random(chance.random()))
            churn.start("requests", client.act, 0.002)
        crowd = Crowd(proxy, environments[0].key, _CROWD, chance)
        churn.start("connections", crowd.act, 0.01)
        churn.start("edits", lambda: chance.choice(environments).edit(upstream, chance.choice(SIZES)), 0.25)
        churn.start("kills", lambda: kill_one(churn, proxy, workers, spared, chance), 3.0)
        try:
            found = growth.verdicts(_watch(proxy, spared, seconds))
        finally:
            churn.stop()
        if proxy.workers().count(spared) == 0:
            churn.fail("the worker that was spared died")
    return _report(churn, found, seconds)


def _watch(proxy: Proxy, spared: int, seconds: float) -> dict[str, Series]:
    """Samples the processes until the run ends."""
    series = {name: Series() for name in ("supervisor", "first worker", "other workers")}
    begun = time.monotonic()
    reported = 0
    while (elapsed := time.monotonic() - begun) < seconds:
        at = elapsed / seconds
        series["supervisor"].add(at, holding(proxy.supervisor()))
        series["first worker"].add(at, holding(spared))
        others = [found for pid in proxy.workers() if pid != spared and (found := holding(pid))]
        if others:
            largest = growth.Holding(
                *(max(getattr(one, what) for one in others) for what in ("private", "descriptors", "mappings"))
            )
            series["other workers"].add(at, largest)
        if elapsed > 30 * (reported + 1):
            reported += 1
            print(f"… {elapsed:.0f} of {seconds:.0f} s", file=sys.stderr, flush=True)
        time.sleep(_SAMPLE_PERIOD)
    return series


def _report(churn: Churn, found: list[Verdict], seconds: float) -> bool:
    heads = ["process", "holding", "before", "after", "allowed", ""]
    table.show(f"Soak of {seconds:.0f} s", heads, [verdict.row() for verdict in found], _NOTES)
    acts = ", ".join(f"{count:,} {what}" for what, count in sorted(churn.acts.items()))
    print(f"  {acts}")
    for what in churn.wrong:
        print(f"  WRONG: {what}")
    idle = [what for what in ("requests", "connections", "edits", "kills") if not churn.acts[what]]
    if idle:
        print(f"  WRONG: no {', no '.join(idle)}: the run is too short")
    grew = any(verdict.grew for verdict in found)
    print(f"\n{'FAILED' if grew or churn.wrong or idle else 'steady, and no wrong answer'}", flush=True)
    return not (grew or churn.wrong or idle)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benches/soak",
        description=(
            "Runs the proxy against a stub upstream while documents change, workers are killed and clients misbehave; "
            "fails when memory, descriptors or mappings of supervisor or workers grow, or an answer is wrong."
        ),
    )
    parser.add_argument("--minutes", type=float, default=5, help="how long (default 5)")
    parser.add_argument("--environments", type=int, default=6, help="how many are edited (default 6)")
    parser.add_argument("--workers", type=int, default=3, help="at least 2: the first is never killed (default 3)")
    parser.add_argument("--proxy", metavar="PATH", help="an executable of the proxy, instead of building this one")
    return parser
