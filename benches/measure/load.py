"""The load generator: runs wrk against a server and checks the answers that wrk counts."""

import json
import statistics
import tempfile
from pathlib import Path

from . import machine
from .connection import Answer, Request
from .processes import Failed, Processes
from .runs import Run
from .servers import Server

CONNECTIONS = 20
# The lowest rate, in bytes per second, at which any machine is expected to transfer answers to itself.
_LOWEST_RATE = 200e6

_REPORT = """
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"bytes":%d,"microseconds":%d,"errors":%d,"p50":%d,"p99":%d,"max":%d}\\n',
    summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"""

# Requests are formatted once at the start, so that many cost the load generator little more than one.
_IN_TURN = """
local requests, last = {}, 0
function init()
  for number, one in ipairs({%s}) do
    requests[number] = wrk.format(one[1], one[2], one[3], one[4])
  end
end
function request()
  last = last %% #requests + 1
  return requests[last]
end
"""


class Load:
    """Runs wrk for `seconds` at a time."""

    def __init__(self, processes: Processes, seconds: int):
        self._processes = processes
        self._seconds = seconds
        self._directory = tempfile.TemporaryDirectory(prefix="load-wrk-")
        processes.at_end(self._directory.cleanup)

    def run(
        self,
        server: Server,
        requests: list[Request],
        answers: list[Answer],
        *,
        cores: str | None = machine.OTHER_CORE,
        connections: int = CONNECTIONS,
        threads: int = 1,
    ) -> Run:
        """Sends `requests` in turn, again and again.

        `answers` are those that the server gives to all `requests`, or one if they are all of one length. wrk counts
        bytes, so answers are checked by their status and by their mean length.
        """
        lengths = [answer.length for answer in answers]
        length = statistics.fmean(lengths)
        # Large answers arrive side by side: add the time in which every connection gets one.
        seconds = self._seconds + round(length * connections / _LOWEST_RATE)
        script = Path(self._directory.name, "script.lua")
        script.write_text(_script(requests))
        workers = server.workers()
        before = machine.cpu_ns(workers)
        output = self._processes.run(
            [
                "wrk",
                f"--duration={seconds}s",
                f"--connections={connections}",
                f"--threads={threads}",
                "--timeout=30s",
                f"--script={script}",
                f"http://127.0.0.1:{server.port}",
            ],
            cores,
            timeout=seconds + 60,
        )
        cpu_ns = machine.cpu_ns(workers) - before
        report = json.loads(output.strip().splitlines()[-1])
        where = f"{server.name} {requests[0].path}"
        if report["errors"] or "Non-2xx" in output:
            raise Failed(f"{where}: not every answer was the expected one:\n{output}")
        if not report["requests"]:
            raise Failed(f"{where}: no answer within {seconds} s")
        received = report["bytes"] / length
        # An unfinished turn of the requests may have had more of the long answers than of the short ones.
        unevenness = len(lengths) * (max(lengths) - min(lengths)) / length
        if not -unevenness <= received - report["requests"] <= connections + unevenness:
            raise Failed(f"{where}: answers were not of the expected {length:,.0f} bytes")
        return Run(
            received, report["microseconds"] / 1e6, cpu_ns, report["p50"], report["p99"], report["max"]
        )


def _script(requests: list[Request]) -> str:
    if len(requests) > 1:
        return _IN_TURN % ",\n".join(map(_formatted, requests)) + _REPORT
    (request,) = requests
    # wrk formats a single request itself and calls no Lua for it.
    return f"wrk.method, wrk.path, wrk.headers, wrk.body = unpack({_formatted(request)})\n" + _REPORT


def _formatted(request: Request) -> str:
    """The arguments of `wrk.format`, as a table."""
    headers = ",".join(f"[{_quoted(name)}]={_quoted(value)}" for name, value in request.headers.items())
    body = _quoted(request.body.decode("latin-1")) if request.body else "nil"
    return f"{{{_quoted(request.method)},{_quoted(request.path)},{{{headers}}},{body}}}"


def _quoted(text: str) -> str:
    """A Lua string with these bytes."""
    plain = {character for character in map(chr, range(32, 127)) if character not in '"\\'}
    return '"' + "".join(c if c in plain else f"\\{ord(c):03}" for c in text) + '"'
