"""Experiment: one worker on one core against the ceiling and the kernel's price, and nginx for large documents."""

import functools

from . import comparison, requests, servers, table
from .connection import Request
from .load import Load
from .processes import Failed, Processes
from .profiles import LOADED, Profile
from .runs import Run, in_turn, median, ratio
from .settings import Row, Settings, progress
from .upstream import Upstream

PROFILES = LOADED
_WITH_NGINX = ("reference", "overrides")

_NOTES = """
One worker on core 0; wrk with 20 keep-alive connections on core 1; the servers in turn, every other round backwards.
req/s, CPU us (CPU time per request of all threads of the process that answers), p50 us and p99 us (latencies): medians
of the rounds. busy: cores that the server used; below 1.00 the load generator was the limit, and req/s say nothing.
The other columns are medians over the rounds of quotients within a round:
req/s by ceiling: ours / the ceiling's; more than 1.00 is better than the ceiling, which is the proxy's web framework
with the same bytes to send.
CPU by ceiling: ours / the ceiling's; less than 1.00 is better.
kernel: CPU of a bare epoll loop that parses nothing and sends as many bytes / ours; 1.00 means that
a request costs nothing but the kernel's work. nginx sends its file with sendfile, which saves the kernel a copy.
identities: no two requests in a row have the same identifier and traits.
"""


def measure(settings: Settings) -> None:
    if settings.executables.against is not None:
        comparison.measure(settings, PROFILES)
        return
    rows = settings.rows("throughput", PROFILES, _profile)
    heads = ["profile", "request", "server", "req/s", "CPU us", "busy", "p50 us", "p99 us"]
    heads += ["req/s by ceiling", "CPU by ceiling", "kernel"]
    table.show("Throughput of one worker on one core", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: Profile) -> list[Row]:
    upstream = Upstream(processes, [profile])
    proxy = servers.start_proxy(processes, settings.executables.proxy, upstream)
    kinds = requests.in_turn(profile)
    answers = {kind: [proxy.ask(request) for request in some] for kind, some in kinds.items()}
    typical = {kind: sorted(some, key=lambda answer: answer.length)[len(some) // 2] for kind, some in answers.items()}
    if typical["document"].body != profile.document:
        raise Failed(f"{profile.name}: the document is not the one that upstream sent")
    bodies = [answer.body for answer in typical.values()]
    ceiling = servers.start_ceiling(processes, settings.executables.ceiling, bodies)
    nginx = servers.start_nginx(processes, profile) if profile.name in _WITH_NGINX else None
    if nginx is None and profile.name in _WITH_NGINX:
        progress("nginx is not installed: left out")
    load = Load(processes, settings.seconds)
    rows: list[Row] = []
    for kind, some in kinds.items():
        kernel = servers.start_kernel(processes, settings.executables.ceiling, typical[kind])
        measurements = {"proxy": functools.partial(load.run, proxy, some, answers[kind])}
        for server in [ceiling, kernel, nginx] if kind == "document" and nginx else [ceiling, kernel]:
            asked = [Request(server.document_path(), some[0].headers)] if kind == "document" else some
            answer = server.ask(asked[0])
            if answer.status != 200 or answer.body != typical[kind].body:
                raise Failed(f"{profile.name} {kind}: {server.name} answers {answer.status}, or other bytes")
            measurements[server.name] = functools.partial(load.run, server, asked, [answer])
        runs = in_turn(settings.rounds, measurements)
        rows += [[profile.name, kind, name, *_figures(own, runs)] for name, own in runs.items()]
    return rows


def _figures(own: list[Run], runs: dict[str, list[Run]]) -> list[object]:
    figures: list[object] = [median(own, figure) for figure in ("per_second", "cpu_us", "busy")]
    figures += [round(median(own, figure)) for figure in ("p50", "p99")]
    figures += [ratio(own, runs["ceiling"], figure) for figure in ("per_second", "cpu_us")]
    return [*figures, ratio(runs["kernel"], own, "cpu_us")]
