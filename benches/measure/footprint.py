"""The memory of processes, as the kernel counts it."""

import statistics
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Footprint:
    """The memory of one process, in bytes. A page that n processes share counts 1/n in `pss` and 0 in `private`."""

    pss: int
    private: int


def footprint(pid: int) -> Footprint:
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, _ = line.split()
        sizes[name] = int(size) << 10
    return Footprint(sizes["Pss:"], sizes["Private_Clean:"] + sizes["Private_Dirty:"])


def pss_mib(pids: list[int]) -> float:
    """The memory of these processes together, in MiB."""
    return sum(footprint(pid).pss for pid in pids) / MIB


def private_mib(pids: list[int]) -> list[float]:
    """The memory that each shares with nobody, in MiB."""
    return [footprint(pid).private / MIB for pid in pids]


def median_private_mib(pids: list[int]) -> float:
    return statistics.median(private_mib(pids))
