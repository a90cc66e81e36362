"""The engine of this project: builds the program that answers line by line, and asks it."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def target_directory() -> Path:
    """Where cargo builds."""
    return (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()


def build() -> Path:
    """The program, built now; not for release, so that its assertions hold, too."""
    command = ["cargo", "build", "--quiet", "--locked", "--package", "engine", "--example", "answers"]
    subprocess.run(command, cwd=ROOT, check=True)
    return target_directory() / "debug" / "examples" / "answers"


class Engine:
    """The running program. It ends when its standard input does."""

    def __init__(self, program: Path):
        self._program = program
        self._start()

    def _start(self) -> None:
        pipe = subprocess.PIPE
        # The answer tells of a panic; its message would only disturb the counts.
        self._process = subprocess.Popen([self._program], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def answers(self, case: dict) -> list | dict:
        """The answers to a case; `{"refused": why}` for a document that is refused, `{"failed": how}` for a crash."""
        line = json.dumps({"document": case["document"], "requests": case["requests"]}, ensure_ascii=False)
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            failed = {"failed": f"ended with status {self._process.wait()}"}
            self.close()
            self._start()
            return failed
        return json.loads(answer)

    def writes_variants(self) -> bool:
        """Whether flags of identities have a `variant`, as the API's have."""
        state = {"feature": {"id": 1, "name": "a"}, "enabled": True, "feature_state_value": None, "django_id": 1}
        document = {
            "api_key": "key",
            "name": "name",
            "updated_at": "2026-11-01T00:00:00+00:00",
            "feature_states": [state],
            "project": {"segments": []},
        }
        request = {"endpoint": "identities", "server_key": True, "identifier": "u", "traits": []}
        [answer] = self.answers({"document": document, "requests": [request]})
        return "variant" in answer["flags"][0]

    def close(self) -> None:
        """Ends the program."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
