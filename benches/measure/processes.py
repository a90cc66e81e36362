"""Child processes that end with the block that started them, and waiting for a condition."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Seconds that a server may take to start or to change.
TIMEOUT = 60.0


class Failed(Exception):
    """A process did not do what it was started for; the message says which and why."""


class Processes:
    """A block that ends the processes it started, by their ids: with SIGTERM first, with SIGKILL if that is ignored."""

    def __init__(self, timeout: float = 5.0):
        """`timeout`: seconds that a process may take to end, after each of two SIGTERMs."""
        self._timeout = timeout
        self._started: list[subprocess.Popen] = []
        self._after: list[Callable[[], object]] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        # A second Ctrl-C has to wait, or processes would be left behind.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            for process in reversed(self._started):
                _end(process, self._timeout)
            for clean_up in self._after:
                clean_up()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def start(self, command: list[str], cores: str | None = None, **options: Any) -> subprocess.Popen:
        """Starts `command` on `cores` (a list as taskset takes it), in a process group that Ctrl-C does not reach."""
        if cores is not None:
            command = ["taskset", "--cpu-list", cores, *command]
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(command, process_group=0, **options)
        self._started.append(process)
        return process

    def run(self, command: list[str], cores: str | None, timeout: float) -> str:
        """Runs `command` and returns its output; raises when it fails or takes longer than `timeout` seconds."""
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
        """Calls `clean_up` after every process has ended."""
        self._after.append(clean_up)

    def end(self, process: subprocess.Popen) -> None:
        """Ends one process before the block ends."""
        _end(process, self._timeout)
        self._started.remove(process)


def children(pid: int) -> list[int]:
    """The ids of the child processes of `pid`, whichever of its threads started them."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return sorted(found)


def bind(pid: int, core: int) -> None:
    """Binds all threads of `pid` to `core`."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def eventually(what: str, condition: Callable[[], Any], timeout: float = TIMEOUT) -> Any:
    """Waits until `condition` returns something other than `None` and `False`, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value is not None and value is not False:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"waited {timeout:.0f} s for {what}")
        time.sleep(0.01)


def _end(process: subprocess.Popen, timeout: float) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is not None:
        return
    try:
        offspring = children(process.pid)
    except OSError:
        offspring = []
    # After the first SIGTERM the proxy finishes requests in progress; after the second it does not wait for them.
    for _ in range(2):
        process.terminate()
        try:
            process.wait(timeout)
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
