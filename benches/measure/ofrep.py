"""Experiment: OFREP answers by those of identities, and a 304 by the flags of an environment."""

import functools
import json

from . import connection, requests, servers, table
from .connection import Answer, Request
from .load import Load
from .processes import Failed, Processes
from .profiles import Profile
from .runs import in_turn, median, ratio
from .settings import Row, Settings
from .upstream import Upstream

PROFILES = ("readme", "reference")

_NOTES = """
One worker on core 0; wrk with 20 keep-alive connections on core 1; the requests in turn. ofrep: the same identities and
traits as POST /api/v1/identities/, for one flag (single) and for all (bulk). 304: bulk with the tag of its answer.
req/s by identities: the quotient within a round, the median over the rounds; for a 304, that by GET /api/v1/flags/.
"""


def measure(settings: Settings) -> None:
    rows = settings.rows("ofrep", PROFILES, _profile)
    heads = ["profile", "request", "bytes", "req/s", "CPU us", "busy", "req/s by", "is"]
    table.show("OFREP", heads, rows, _NOTES)


def _profile(settings: Settings, processes: Processes, profile: Profile) -> list[Row]:
    proxy = servers.start_proxy(processes, settings.executables.proxy, Upstream(processes, [profile]))
    load = Load(processes, settings.seconds)
    usual = requests.in_turn(profile)
    key = json.loads(profile.document)["feature_states"][0]["feature"]["name"]
    bulk = [connection.ofrep(profile.key, _context(request.body)) for request in usual["identities"]]
    kinds = {
        "identities": usual["identities"],
        "ofrep single": [connection.ofrep(profile.key, request.body, key) for request in bulk],
        "ofrep bulk": bulk,
        "flags": usual["flags"],
    }
    answers = {kind: [_ask(proxy, request, 200) for request in some] for kind, some in kinds.items()}
    kinds["ofrep 304"] = [bulk[0].with_headers(If_None_Match=answers["ofrep bulk"][0].headers["etag"])]
    answers["ofrep 304"] = [_ask(proxy, kinds["ofrep 304"][0], 304)]
    runs = in_turn(
        settings.rounds,
        {kind: functools.partial(load.run, proxy, some, answers[kind]) for kind, some in kinds.items()},
    )
    rows: list[Row] = []
    for kind, own in runs.items():
        figures: list[object] = [median(own, figure) for figure in ("per_second", "cpu_us", "busy")]
        by = {"ofrep single": "identities", "ofrep bulk": "identities", "ofrep 304": "flags"}.get(kind)
        figures += [by, ratio(own, runs[by], "per_second")] if by else ["", ""]
        rows.append([profile.name, kind, len(answers[kind][0].body), *figures])
    return rows


def _context(body: bytes) -> bytes:
    """The body of an OFREP request for the identity of an identities request."""
    identity = json.loads(body)
    traits = {each["trait_key"]: each["trait_value"] for each in identity["traits"]}
    context = {"context": {"targetingKey": identity["identifier"], **traits}}
    return json.dumps(context, separators=(",", ":")).encode()


def _ask(proxy: servers.Proxy, request: Request, status: int) -> Answer:
    answer = proxy.ask(request)
    if answer.status != status:
        raise Failed(f"{request.path}: {answer.status}, not {status}")
    return answer
