"""The load: wrk, told what to send and made to tell what it saw. Knows no server by name."""

import json
import statistics
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import machine
from .connection import Answer, Request
from .processes import Failed, Processes
from .servers import Server

CONNECTIONS = 20
# Bytes per second that any machine transfers to itself.
_SLOWEST = 200e6

_TELL = """
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\\n{"requests":%d,"bytes":%d,"microseconds":%d,"errors":%d,"p50":%d,"p99":%d,"max":%d}\\n',
    summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"""


@dataclass(frozen=True)
class Run:
    """What one run of the load came to."""

    # Answers, with the fractions of those that were under way at the end: of large ones that is many.
    requests: float
    seconds: float
    # CPU time of the processes that answered, in nanoseconds.
    cpu_ns: int
    # Latencies, in microseconds.
    p50: int
    p99: int
    longest: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per request."""
        return self.cpu_ns / 1000 / self.requests

    @property
    def busy(self) -> float:
        """Cores that the answering processes used: with one worker, 1.0 says that it was the limit."""
        return self.cpu_ns / 1e9 / self.seconds


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
        request: Request,
        answer: Answer,
        *,
        cores: str | None = machine.OTHER_CORE,
        connections: int = CONNECTIONS,
        threads: int = 1,
        seconds: int | None = None,
        keys: list[str] | None = None,
    ) -> Run:
        """Sends `request` again and again and holds what comes against `answer`; `keys`: with these keys in turn."""
        seconds = seconds or self._seconds
        # Large answers come side by side: time for each connection to have some.
        seconds += round(answer.length * connections / _SLOWEST)
        script = Path(self._directory.name, "script.lua")
        script.write_text(_script(request, keys))
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
        spent = machine.cpu_ns(workers) - before
        told = json.loads(output.strip().splitlines()[-1])
        where = f"{server.name} {request.path}"
        if told["errors"] or "Non-2xx" in output:
            raise Failed(f"{where}: not every answer was the expected one:\n{output}")
        if not told["requests"]:
            raise Failed(f"{where}: no answer within {seconds} s")
        answers = told["bytes"] / answer.length
        if not told["requests"] <= answers <= told["requests"] + connections:
            raise Failed(f"{where}: answers were not of the expected {answer.length} bytes")
        return Run(answers, told["microseconds"] / 1e6, spent, told["p50"], told["p99"], told["max"])


def in_turn(rounds: int, measurements: dict[str, Callable[[], Run]]) -> dict[str, list[Run]]:
    """Takes each measurement once a round, in turn, every other round backwards."""
    runs: dict[str, list[Run]] = {name: [] for name in measurements}
    for number in range(rounds):
        names = list(measurements)
        for name in names if number % 2 == 0 else reversed(names):
            runs[name].append(measurements[name]())
    return runs


def median(runs: Iterable[Run], figure: Callable[[Run], float]) -> float:
    return statistics.median(map(figure, runs))


def ratio(runs: list[Run], others: list[Run], figure: Callable[[Run], float]) -> float:
    """The median over the rounds of one's figure by the other's of the same round."""
    return statistics.median(figure(run) / figure(other) for run, other in zip(runs, others, strict=True))


def _script(request: Request, keys: list[str] | None) -> str:
    headers = "".join(f"wrk.headers[{_quoted(name)}] = {_quoted(value)}\n" for name, value in request.headers.items())
    lines = f"wrk.method = {_quoted(request.method)}\nwrk.path = {_quoted(request.path)}\n{headers}"
    if request.body:
        lines += f"wrk.body = {_quoted(request.body.decode('latin-1'))}\n"
    if keys is not None:
        # Whether many or one: made by the load generator as it goes.
        lines += f"""
local requests, place = {{}}, 0
function init()
  for number, key in ipairs({{{", ".join(map(_quoted, keys))}}}) do
    requests[number] = wrk.format(nil, nil, {{["X-Environment-Key"] = key}})
  end
end
function request()
  place = place % #requests + 1
  return requests[place]
end
"""
    return lines + _TELL


def _quoted(text: str) -> str:
    plain = {character for character in map(chr, range(32, 127)) if character not in '"\\'}
    return '"' + "".join(c if c in plain else f"\\{ord(c):03}" for c in text) + '"'
