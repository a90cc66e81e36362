"""What the reader chose on the command line. Knows no experiment."""

import sys
from dataclasses import dataclass

from .servers import Executables


@dataclass(frozen=True)
class Settings:
    """The same for all experiments."""

    executables: Executables
    rounds: int
    # Of one run of the load.
    seconds: int
    # `None`: all that an experiment has.
    profiles: list[str] | None
    # How many the experiment `environments` has.
    environments: int

    def chosen(self, among: tuple[str, ...]) -> list[str]:
        """Those of an experiment's profiles that the reader wants."""
        return [name for name in among if self.profiles is None or name in self.profiles]

    def tell(self, what: str) -> None:
        """Says how far the measurement is, beside its figures."""
        print(f"… {what}", file=sys.stderr, flush=True)
