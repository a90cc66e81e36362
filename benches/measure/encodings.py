"""Experiment: gzip answers and 304 answers, by plain ones."""

import functools
import gzip

from . import connection, servers, table
from .connection import Answer, Request
from .load import Load
from .processes import Failed, Processes
from .profiles import Profile
from .runs import in_turn, median, ratio
from .settings import Row, Settings
from .upstream import Upstream

PROFILES = ("readme", "reference", "overrides")

_NOTES = """
CPU us: CPU per request of one worker on core 0, median of the rounds; x plain: median over the rounds of the quotient
by the plain answer within the round. Identities have no 304, because their answers are made for each request.
"""


def measure(settings: Settings) -> None:
    rows = settings.rows("encodings", PROFILES, _profile)
    heads = ["profile", "request", "answer", "bytes", "req/s", "CPU us", "x plain"]
    table.show("Encodings and conditional requests", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: Profile) -> list[Row]:
    upstream = Upstream(processes, [profile])
    proxy = servers.start_proxy(processes, settings.executables.proxy, upstream)
    load = Load(processes, settings.seconds)
    rows: list[Row] = []
    for kind, request in connection.requests(profile.key, profile.body).items():
        forms = _forms(proxy, request)
        measurements = {
            form: functools.partial(load.run, proxy, [asked], [answer]) for form, (asked, answer) in forms.items()
        }
        runs = in_turn(settings.rounds, measurements)
        for form, own in runs.items():
            figures = [median(own, "per_second"), median(own, "cpu_us"), ratio(own, runs["plain"], "cpu_us")]
            rows.append([profile.name, kind, form, len(forms[form][1].body), *figures])
    return rows


def _forms(proxy: servers.Proxy, request: Request) -> dict[str, tuple[Request, Answer]]:
    """Each form of the request with its answer, which is checked to have the form that was asked for."""
    plain = proxy.ask(request)
    compressed = request.with_headers(Accept_Encoding="gzip")
    small = proxy.ask(compressed)
    is_gzip = small.headers.get("content-encoding") == "gzip"
    if plain.status != 200 or not is_gzip or gzip.decompress(small.body) != plain.body:
        raise Failed(f"{request.path}: the compressed answer is not the plain one")
    forms = {"plain": (request, plain), "gzip": (compressed, small)}
    if request.method == "GET":
        known = request.with_headers(If_None_Match=plain.headers["etag"])
        unchanged = proxy.ask(known)
        if unchanged.status != 304:
            raise Failed(f"{request.path}: {unchanged.status} for its own ETag")
        forms["304"] = (known, unchanged)
    return forms
