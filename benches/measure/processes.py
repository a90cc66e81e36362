"""Processes that end with the block that started them, however it is left. Knows nothing of what they do."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# How long anything may take to start or to end.
PATIENCE = 60.0


class Failed(Exception):
    """A process did not do what it was started for; says which and why."""


class Processes:
    """A block; what it starts is asked to end when it is left, and killed if it does not, each by its process id."""

    def __init__(self, patience: float = 5.0):
        """`patience`: seconds to end in, each of the two times that a process is asked to."""
        self._patience = patience
        self._started: list[subprocess.Popen] = []
        self._after: list[Callable[[], object]] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        # An impatient second Ctrl-C must not leave anything behind: it waits.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            for process in reversed(self._started):
                _end(process, self._patience)
            for clean_up in self._after:
                clean_up()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def start(self, command: list[str], cores: str | None = None, **options) -> subprocess.Popen:
        """Starts `command`, bound to `cores` (as taskset has them). Ctrl-C does not reach it: this ends it."""
        if cores is not None:
            command = ["taskset", "--cpu-list", cores, *command]
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(command, process_group=0, **options)
        self._started.append(process)
        return process

    def run(self, command: list[str], cores: str | None, timeout: float) -> str:
        """Runs `command` to its end and gives what it printed; fails when it fails or takes longer than `timeout`."""
        process = self.start(command, cores, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} did not end within {timeout:.0f} s") from None
        finally:
            self.end(process)
            process.stdout.close()
        if process.returncode != 0:
            raise Failed(f"{command[0]} failed with status {process.returncode}: {output.strip()}")
        return output

    def at_end(self, clean_up: Callable[[], object]) -> None:
        """Calls that when every process has ended."""
        self._after.append(clean_up)

    def end(self, process: subprocess.Popen) -> None:
        _end(process, self._patience)
        self._started.remove(process)


def children(pid: int) -> list[int]:
    """The process ids of the children of all threads of `pid`."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return sorted(found)


def bind(pid: int, core: int) -> None:
    """Moves all threads of `pid` to `core`."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def eventually(what: str, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Waits until `condition` gives something."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value is not None and value is not False:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"waited {patience:.0f} s for {what}")
        time.sleep(0.01)


def _end(process: subprocess.Popen, patience: float) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is not None:
        return
    try:
        offspring = children(process.pid)
    except OSError:
        offspring = []
    # The proxy finishes requests in hand after the first, and does not wait after the second.
    for _ in range(2):
        process.terminate()
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            pass
    process.kill()
    process.wait()
    for pid in offspring:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
