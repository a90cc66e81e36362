"""Runs of the load, taken in rounds, and the figures made of them."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name")


@dataclass(frozen=True)
class Run:
    """The result of one run of the load."""

    # Whole answers, plus the fractions that had arrived of those in progress at the end, which matter if answers are
    # large.
    answers: float
    seconds: float
    # CPU time of the processes that answered, in nanoseconds.
    cpu_ns: int
    # Latencies, in microseconds.
    p50: int
    p99: int
    longest: int

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.answers / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per request."""
        return self.cpu_ns / 1000 / self.answers

    @property
    def busy(self) -> float:
        """Cores that the answering processes used. 1.0 means that a single worker was the limit."""
        return self.cpu_ns / 1e9 / self.seconds


def in_turn(rounds: int, measurements: dict[Name, Callable[[], Run]]) -> dict[Name, list[Run]]:
    """Takes each measurement once to warm up, then once per round; every other round goes backwards."""
    for measurement in measurements.values():
        measurement()
    runs: dict[Name, list[Run]] = {name: [] for name in measurements}
    for number in range(rounds):
        names = list(measurements)
        for name in names if number % 2 == 0 else reversed(names):
            runs[name].append(measurements[name]())
    return runs


def median(runs: list[Run], figure: str) -> float:
    """The median of a figure, which is the name of a field or property of `Run`."""
    return statistics.median(getattr(run, figure) for run in runs)


def quotients(runs: list[Run], others: list[Run], figure: str) -> list[float]:
    """A figure of `runs` divided by that of `others`, round by round."""
    return [getattr(run, figure) / getattr(other, figure) for run, other in zip(runs, others, strict=True)]


def ratio(runs: list[Run], others: list[Run], figure: str) -> float:
    """The median of the quotients: what changes from round to round changes both and cancels out."""
    return statistics.median(quotients(runs, others, figure))
