"""What processes hold over time, and whether it grows. Knows no server."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from .footprint import MIB, footprint


@dataclass(frozen=True)
class Holding:
    """What a process holds at a moment: bytes of its own, open descriptors, mappings."""

    private: int
    descriptors: int
    mappings: int


# What may come on top between two windows, by kind of holding: a part of it, and so much whatever it was.
ALLOWED = {"private": (0.15, 8 * MIB), "descriptors": (0.1, 16), "mappings": (0.1, 16)}


def holding(pid: int) -> Holding | None:
    """`None` when the process is gone."""
    try:
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        mappings = Path(f"/proc/{pid}/maps").read_text().count("\n")
        private = footprint(pid).private
    except (OSError, KeyError):
        return None
    # A zombie is there, and has nothing.
    return Holding(private, descriptors, mappings) if mappings else None


@dataclass
class Series:
    """Holdings of one kind of process, each with the part of the run, 0 to 1, at which it was taken."""

    taken: list[tuple[float, Holding]] = field(default_factory=list)

    def add(self, at: float, found: Holding | None) -> None:
        if found is not None:
            self.taken.append((at, found))

    def floor(self, what: str, begin: float, end: float) -> int | None:
        """What the lowest quarter of a window stays below: work comes and goes, and what leaks stays."""
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
    def most(self) -> int:
        part, whatever = ALLOWED[self.what]
        return int(self.before * (1 + part)) + whatever

    @property
    def grew(self) -> bool:
        return self.after > self.most

    def row(self) -> list[object]:
        unit = 1024 if self.what == "private" else 1
        name = "private KiB" if self.what == "private" else self.what
        numbers = [value // unit for value in (self.before, self.after, self.most)]
        return [self.process, name, *numbers, "GREW" if self.grew else "steady"]


def verdicts(series: dict[str, Series]) -> list[Verdict]:
    """Of every series and every holding; the first quarter of the run is for warming up."""
    found = []
    for process, one in series.items():
        for what in ALLOWED:
            before, after = one.floor(what, 0.25, 0.5), one.floor(what, 0.75, 1.0)
            if before is None or after is None:
                raise ValueError(f"too few looks at {process}")
            found.append(Verdict(process, what, before, after))
    return found
