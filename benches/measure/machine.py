"""The machine that is measured on: what it is, what else it does, what has to be installed. Knows no experiment."""

import os
import platform
import shutil
import sys
from pathlib import Path

# The server under load has a core of its own; everything else has the other.
SERVER_CORE = "0"
OTHER_CORE = "1"


class Missing(Exception):
    """Something that the measurement needs is not there; says what."""


def require() -> None:
    """Raises `Missing` unless everything that is needed is here. nginx is not: it is left out when absent."""
    if sys.platform != "linux":
        raise Missing("needs Linux: CPU time and memory are read from /proc")
    absent = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if absent:
        raise Missing(f"not installed: {', '.join(absent)} (packages wrk and util-linux)")
    if not {0, 1} <= os.sched_getaffinity(0):
        raise Missing("needs cores 0 and 1: one for the server, one for the load")


def nginx() -> str | None:
    """Where nginx is, if it is."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def description() -> str:
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(_lines("/proc/meminfo")[0].split()[1]) / (1 << 20)
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; "
        f"Linux {platform.release()}; Python {platform.python_version()}"
    )


class Disturbance:
    """How much of the machine others took since this was made."""

    def __init__(self):
        self._before = _cpu_times()

    def __str__(self) -> str:
        after = _cpu_times()
        spent = [new - old for new, old in zip(after, self._before)]
        # user nice system idle iowait irq softirq steal
        steal = 100 * spent[7] / max(1, sum(spent[:8]))
        return f"steal {steal:.1f} %"


def load_average() -> float:
    """Processes that wanted to run in the last minute."""
    return os.getloadavg()[0]


def cpu_ns(pids: list[int]) -> int:
    """CPU time that all threads of these processes have spent so far, in nanoseconds."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total


def _cpu_times() -> list[int]:
    return [int(field) for field in _lines("/proc/stat")[0].split()[1:9]]


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
