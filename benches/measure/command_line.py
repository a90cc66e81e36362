"""The command line: which experiments to run, and how a failure is told. Knows experiments by their names."""

import argparse
import signal
import sys
from types import ModuleType

from . import encodings, environments, machine, memory, overrides, profiles, publish, scaling, servers, throughput
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
}


def main() -> int:
    """Runs what the command line says; gives the exit status."""
    arguments = _parser().parse_args()
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    try:
        machine.require()
        _run(arguments)
    except (machine.Missing, Failed) as problem:
        print(f"load: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(arguments: argparse.Namespace) -> None:
    settings = Settings(
        executables=servers.Executables(
            proxy=arguments.proxy or servers.build("edge-proxy"),
            ceiling=servers.build("ceiling"),
        ),
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        profiles=arguments.profiles,
        environments=arguments.environments,
    )
    print(machine.description())
    busy = machine.load_average()
    print(f"{settings.rounds} rounds of {settings.seconds} s; load average before: {busy:.2f}", flush=True)
    if busy > 0.5:
        print("load: other processes want the cores: the figures will be of little worth", file=sys.stderr)
    disturbance = machine.Disturbance()
    failed = []
    for name in arguments.experiments or EXPERIMENTS:
        try:
            EXPERIMENTS[name].measure(settings)
        except Failed as problem:
            # The others may well succeed.
            print(f"load: {name}: {problem}", file=sys.stderr)
            failed.append(name)
    print(f"meanwhile: {disturbance}")
    if failed:
        raise Failed(f"failed: {', '.join(failed)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benches/load",
        description="Measures the proxy on this machine. Without the name of an experiment, all of them.",
        epilog="experiments: " + " ".join(f"{name}: {_first_line(module)}" for name, module in EXPERIMENTS.items()),
    )
    parser.add_argument("experiments", nargs="*", choices=[*EXPERIMENTS, []], metavar="experiment")
    parser.add_argument("--rounds", type=_positive, default=5, help="measurements of each, in turn (default 5)")
    parser.add_argument("--seconds", type=_positive, default=3, help="of one measurement (default 3)")
    names = ", ".join(profiles.NAMES)
    parser.add_argument("--profiles", nargs="+", choices=profiles.NAMES, metavar="PROFILE", help=f"of {names}")
    parser.add_argument("--proxy", metavar="PATH", help="an executable of the proxy, instead of building this one")
    parser.add_argument("--environments", type=_positive, default=10_000, help="how many that experiment has (10000)")
    return parser


def _first_line(module: ModuleType) -> str:
    return module.__doc__.splitlines()[0].removeprefix("Experiment: ")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value
