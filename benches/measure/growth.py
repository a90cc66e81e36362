"""The memory, descriptors and mappings that processes hold over time, and whether they grow."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from .footprint import MIB, footprint


@dataclass(frozen=True)
class Holding:
    """The private bytes, open descriptors and mappings of a process at one moment."""

    private: int
    descriptors: int
    mappings: int


# The growth that is allowed between two windows: a fraction of the holding, plus a constant.
ALLOWED = {"private": (0.15, 8 * MIB), "descriptors": (0.1, 16), "mappings": (0.1, 16)}


def holding(pid: int) -> Holding | None:
    """What `pid` holds now; `None` when the process has ended."""
    try:
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        mappings = Path(f"/proc/{pid}/maps").read_text().count("\n")
        private = footprint(pid).private
    except (OSError, KeyError):
        return None
    # A zombie still has its directory in /proc, but no mappings.
    return Holding(private, descriptors, mappings) if mappings else None


@dataclass
class Series:
    """Holdings of one kind of process, each with the time when it was taken: 0 is the start of the run, 1 its end."""

    taken: list[tuple[float, Holding]] = field(default_factory=list)

    def add(self, at: float, found: Holding | None) -> None:
        if found is not None:
            self.taken.append((at, found))

    def floor(self, what: str, begin: float, end: float) -> int | None:
        """The lower quartile of a window: requests in progress raise peaks only, a leak raises everything."""
        values = sorted(getattr(found, what) for at, found in self.taken if begin <= at <= end)
        return values[len(values) // 4] if values else None


@dataclass(frozen=True)
class Verdict:
    """Whether one holding of one kind of process grew between the second and the last quarter of a run."""

    process: str
    what: str
    before: int
    after: int

    @property
    def allowed(self) -> int:
        fraction, constant = ALLOWED[self.what]
        return int(self.before * (1 + fraction)) + constant

    @property
    def grew(self) -> bool:
        return self.after > self.allowed

    def row(self) -> list[object]:
        unit = 1024 if self.what == "private" else 1
        name = "private KiB" if self.what == "private" else self.what
        numbers = [value // unit for value in (self.before, self.after, self.allowed)]
        return [self.process, name, *numbers, "GREW" if self.grew else "steady"]


def verdicts(series: dict[str, Series]) -> list[Verdict]:
    """A verdict for each series and each holding; the first quarter of the run is for warming up and does not count."""
    found = []
    for process, one in series.items():
        for what in ALLOWED:
            before, after = one.floor(what, 0.25, 0.5), one.floor(what, 0.75, 1.0)
            if before is None or after is None:
                raise ValueError(f"too few samples of {process}")
            found.append(Verdict(process, what, before, after))
    return found
