"""Experiment: analytics by clients, against the ceiling that parses the same body and keeps nothing."""

import functools
import json
from pathlib import Path

from . import connection, machine, servers, table
from .connection import Request
from .load import Load
from .processes import Failed, Processes
from .profiles import Profile
from .runs import in_turn, median, ratio
from .settings import Row, Settings
from .upstream import Upstream

PROFILES = ("small",)
_FEATURES = 10
_REQUESTS = 1000
# Where a ring tells how many words it has held, in bytes from its begin.
_HEAD = 128
_WORD = 8

_NOTES = """
POST /api/v1/analytics/flags/ with ten features. One worker and its supervisor on core 0; wrk with 20 keep-alive
connections on core 1; the servers in turn. The ceiling is the proxy's web framework, which parses the body and answers
as much. req/s by ceiling: ours / the ceiling's. ring bytes: what one report takes in the ring. supervisor s: CPU
seconds of the supervisor for a million reports: collected, added up, on disk, forwarded.
"""


def measure(settings: Settings) -> None:
    rows = settings.rows("reports", PROFILES, _profile)
    heads = ["profile", "server", "req/s", "CPU us", "busy", "req/s by ceiling", "ring bytes", "supervisor s"]
    table.show("Reports by clients", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: Profile) -> list[Row]:
    proxy = servers.start_proxy(processes, settings.executables.proxy, Upstream(processes, [profile]))
    ceiling = servers.start_ceiling(processes, settings.executables.ceiling, [b"{}"] * 3)
    requests = _requests(profile)
    load = Load(processes, settings.seconds)
    accepted = 0
    ring_before, cpu_before = _ring_bytes(proxy), machine.cpu_ns([proxy.supervisor()])

    def run(server: servers.Server):
        nonlocal accepted
        done = load.run(server, requests, [server.ask(requests[0])])
        accepted += round(done.answers) if server is proxy else 0
        return done

    runs = in_turn(settings.rounds, {each.name: functools.partial(run, each) for each in (proxy, ceiling)})
    if not accepted:
        raise Failed("no report was accepted")
    ring = (_ring_bytes(proxy) - ring_before) / accepted
    supervisor = (machine.cpu_ns([proxy.supervisor()]) - cpu_before) / accepted / 1000
    rows: list[Row] = []
    for name, own in runs.items():
        figures: list[object] = [median(own, figure) for figure in ("per_second", "cpu_us", "busy")]
        figures.append(ratio(own, runs["ceiling"], "per_second"))
        rows.append([profile.name, name, *figures, *((ring, supervisor) if name == "proxy" else ("", ""))])
    return rows


def _requests(profile: Profile) -> list[Request]:
    """Reports of the same features, whose counts differ."""
    names = [each["feature"]["name"] for each in json.loads(profile.document)["feature_states"]][:_FEATURES]
    bodies = ({name: 10 + (number * 7 + place) % 90 for place, name in enumerate(names)} for number in range(_REQUESTS))
    return [connection.counts(profile.key, json.dumps(body, separators=(",", ":")).encode()) for body in bodies]


def _ring_bytes(proxy: servers.Proxy) -> int:
    """The bytes that all rings have held."""
    total = 0
    for ring in Path(proxy.directory, "state", "journal").glob("ring.*"):
        with open(ring, "rb") as file:
            file.seek(_HEAD)
            total += _WORD * int.from_bytes(file.read(_WORD), "little")
    return total
