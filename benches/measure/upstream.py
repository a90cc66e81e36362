"""The stub upstream as its starter sees it: puts documents there, and learns when each was sent."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from .documents import UPDATED_SECOND
from .machine import OTHER_CORE
from .processes import Failed, Processes
from .profiles import Profile


class Upstream:
    """Runs `stub.py` in a process of its own, on `cores`, with the documents of `profiles`."""

    def __init__(self, processes: Processes, profiles: Iterable[Profile], cores: str | None = OTHER_CORE):
        self._directory = tempfile.TemporaryDirectory(prefix="load-upstream-")
        processes.at_end(self._directory.cleanup)
        self.keys = [self.put(profile.key, profile.document, UPDATED_SECOND) for profile in profiles]
        self._process = processes.start(
            [sys.executable, "-B", "-m", "measure.stub", self._directory.name],
            cores,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        self.pid = self._process.pid
        port = self._process.stdout.readline().strip()
        if not port:
            raise Failed("the stub upstream does not start")
        self.port = int(port)
        self._sent: dict[tuple[str, int], int] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def put(self, key: str, document: bytes, edited: int) -> str:
        """Serves `document` from now on, with that second as its last edit; returns the key."""
        path = Path(self._directory.name, key)
        staged = path.with_name(".staged")
        staged.write_bytes(document)
        os.utime(staged, (edited, edited))
        staged.replace(path)
        return key

    def edit(self, profile: Profile, number: int) -> tuple[int, bytes]:
        """Serves the `number`th version of a profile; returns the second of its edit and its unique value."""
        document, edited, value = profile.version(number)
        self.put(profile.key, document, edited)
        return edited, value

    def sent_ns(self, key: str, edited: int, timeout: float) -> int | None:
        """The monotonic time when the last byte of that version was sent; waits for it for `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: (key, edited) in self._sent, timeout)
            return self._sent.get((key, edited))

    def _listen(self) -> None:
        with self._process.stdout as lines:
            for line in lines:
                key, edited, at = line.split()
                with self._changed:
                    self._sent.setdefault((key.removeprefix("ser."), int(edited)), int(at))
                    self._changed.notify_all()
