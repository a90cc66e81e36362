"""The machine that is measured on: its description, its load, the programs it needs, and the CPU time of processes."""

import os
import platform
import shutil
import sys
from pathlib import Path

# One core is for the server under load, the other for everything else.
SERVER_CORE = "0"
OTHER_CORE = "1"


class Missing(Exception):
    """The measurement needs something that this machine does not have; the message names it."""


def require() -> None:
    """Raises `Missing` unless everything that is needed is here. nginx is optional."""
    if sys.platform != "linux":
        raise Missing("needs Linux: CPU time and memory are read from /proc")
    absent = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if absent:
        raise Missing(f"not installed: {', '.join(absent)} (packages wrk and util-linux)")
    if not {0, 1} <= os.sched_getaffinity(0):
        raise Missing("needs cores 0 and 1: one for the server, one for the load")


def nginx() -> str | None:
    """The path of nginx, if it is installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def description() -> str:
    """Processor, memory and software, in one line."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(_lines("/proc/meminfo")[0].split()[1]) / (1 << 20)
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; "
        f"Linux {platform.release()}; Python {platform.python_version()}"
    )


class Steal:
    """The share of CPU time that the hypervisor gave to other machines since this object was made."""

    def __init__(self) -> None:
        self._before = _cpu_times()

    def __str__(self) -> str:
        after = _cpu_times()
        spent = [new - old for new, old in zip(after, self._before)]
        # The fields are: user nice system idle iowait irq softirq steal.
        steal = 100 * spent[7] / max(1, sum(spent[:8]))
        return f"steal {steal:.1f} %"


def load_average() -> float:
    """The mean number of runnable processes in the last minute."""
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
