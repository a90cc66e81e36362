"""The command line of `benches/load`: which experiments to run, how errors are reported, and the record of a run."""

import argparse
import contextlib
import datetime
import io
import signal
import sys
from types import ModuleType
from typing import TextIO

from . import encodings, environments, machine, memory, ofrep, overrides, profiles, publish, reports, scaling
from . import servers, streams, throughput
from .processes import Failed
from .settings import Settings

EXPERIMENTS = {
    "throughput": throughput,
    "encodings": encodings,
    "overrides": overrides,
    "scaling": scaling,
    "memory": memory,
    "publish": publish,
    "environments": environments,
    "reports": reports,
    "ofrep": ofrep,
    "streams": streams,
}
RESULTS = servers.ROOT / "benches" / "RESULTS.md"

_RECORD = """\
# Results

Written by `benches/load --record` on {date}. README says what each part measures. Quotients can be compared with
those of another machine, other figures with those of this one only.

```text
{text}
```
"""


class _Both(io.TextIOBase):
    """Writes to two streams."""

    def __init__(self, one: TextIO, other: TextIO):
        self._streams = (one, other)

    def write(self, text: str) -> int:
        return max(stream.write(text) for stream in self._streams)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()


def main() -> int:
    """Runs what the command line says and returns the exit status."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.against and arguments.experiments != ["throughput"]:
        parser.error("--against is an option of the experiment throughput")
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    printed = io.StringIO()
    try:
        machine.require()
        with contextlib.redirect_stdout(_Both(sys.stdout, printed)):
            _run(arguments)
    except (machine.Missing, Failed) as problem:
        print(f"load: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if arguments.record:
        RESULTS.write_text(_RECORD.format(date=datetime.date.today(), text=printed.getvalue().strip()))
    return 0


def _run(arguments: argparse.Namespace) -> None:
    settings = Settings(
        executables=servers.Executables(
            proxy=arguments.proxy or servers.build("edge-proxy"),
            ceiling=servers.build("ceiling"),
            against=arguments.against,
        ),
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        profiles=arguments.profiles,
        environments=arguments.environments,
    )
    print(machine.description())
    load_average = machine.load_average()
    print(f"{settings.rounds} rounds of {settings.seconds} s; load average before: {load_average:.2f}", flush=True)
    if load_average > 0.5:
        print("load: the machine is busy: other processes will distort the figures", file=sys.stderr)
    steal = machine.Steal()
    failed = []
    for name in arguments.experiments or EXPERIMENTS:
        try:
            EXPERIMENTS[name].measure(settings)
        except Failed as problem:
            # The other experiments may still succeed.
            print(f"load: {name}: {problem}", file=sys.stderr)
            failed.append(name)
    print(f"during the run: {steal}")
    if failed:
        raise Failed(f"failed: {', '.join(failed)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benches/load",
        description="Measures the proxy on this machine. Runs all experiments unless some are named.",
        epilog="experiments: " + " ".join(f"{name}: {_first_line(module)}" for name, module in EXPERIMENTS.items()),
    )
    parser.add_argument("experiments", nargs="*", choices=[*EXPERIMENTS, []], metavar="experiment")
    parser.add_argument("--rounds", type=_positive, default=5, help="runs of each measurement (default 5)")
    parser.add_argument("--seconds", type=_positive, default=3, help="length of a run (default 3)")
    names = ", ".join(profiles.NAMES)
    parser.add_argument("--profiles", nargs="+", choices=profiles.NAMES, metavar="PROFILE", help=f"of {names}")
    parser.add_argument("--proxy", metavar="PATH", help="measure this executable instead of building one")
    parser.add_argument("--against", metavar="PATH", help="throughput: compare with this other build of the proxy")
    parser.add_argument("--record", action="store_true", help="write the tables to benches/RESULTS.md as well")
    parser.add_argument("--environments", type=_positive, default=10_000, help="how many that experiment has (10000)")
    return parser


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").splitlines()[0].removeprefix("Experiment: ")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
