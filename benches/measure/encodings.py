"""Experiment: what an answer costs compressed, and unsent because the client has it, by what it costs plain."""

import functools
import gzip

from . import connection, profiles, servers, table
from .connection import Answer, Request
from .load import Load, in_turn, median, ratio
from .processes import Failed, Processes
from .settings import Settings
from .upstream import Upstream

PROFILES = ("readme", "reference", "overrides")

_NOTES = """
CPU per request of one worker on core 0, in us: median of the rounds; x plain: median over the rounds of the quotient
within the round. Identities have no 304: their answers are made for each request.
"""


def measure(settings: Settings) -> None:
    rows = []
    for name in settings.chosen(PROFILES):
        settings.tell(f"encodings: {name}")
        with Processes() as processes:
            rows += _profile(settings, processes, profiles.profile(name))
    heads = ["profile", "request", "answer", "bytes", "req/s", "CPU us", "x plain"]
    table.show("Encodings and conditional requests", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: profiles.Profile) -> list[list[object]]:
    upstream = Upstream(processes, [profile])
    proxy = servers.start_proxy(processes, settings.executables, upstream)
    load = Load(processes, settings.seconds)
    rows = []
    for name, request in {
        "flags": connection.flags(profile.key),
        "document": connection.document(profile.key),
        "identities": connection.identities(profile.key, profile.body),
    }.items():
        variants = _variants(proxy, request)
        measurements = {
            variant: functools.partial(load.run, proxy, asked, answer)
            for variant, (asked, answer) in variants.items()
        }
        for warm_up in measurements.values():
            warm_up()
        runs = in_turn(settings.rounds, measurements)
        for variant, one in runs.items():
            per_second = median(one, lambda run: run.per_second)
            cpu = median(one, lambda run: run.cpu_us)
            by_plain = ratio(one, runs["plain"], lambda run: run.cpu_us)
            rows.append([profile.name, name, variant, len(variants[variant][1].body), per_second, cpu, by_plain])
    return rows


def _variants(proxy: servers.Proxy, request: Request) -> dict[str, tuple[Request, Answer]]:
    """The request in every form, with its answer, which is checked to be what the form asks for."""
    plain = proxy.ask(request)
    compressed = request.with_headers(Accept_Encoding="gzip")
    small = proxy.ask(compressed)
    is_gzip = small.headers.get("content-encoding") == "gzip"
    if plain.status != 200 or not is_gzip or gzip.decompress(small.body) != plain.body:
        raise Failed(f"{request.path}: the compressed answer is not the plain one")
    variants = {"plain": (request, plain), "gzip": (compressed, small)}
    if request.method == "GET":
        known = request.with_headers(If_None_Match=plain.headers["etag"])
        unchanged = proxy.ask(known)
        if unchanged.status != 304:
            raise Failed(f"{request.path}: {unchanged.status} for its own ETag")
        variants["304"] = (known, unchanged)
    return variants
