"""The choices of the command line, and the loop over profiles that experiments share."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from . import profiles
from .processes import Processes
from .profiles import Profile
from .servers import Executables

Row = list[object]


@dataclass(frozen=True)
class Settings:
    """The same for all experiments."""

    executables: Executables
    rounds: int
    # The length of one run of the load.
    seconds: int
    # `None` stands for all profiles of an experiment.
    profiles: list[str] | None
    # The number of environments in the experiment of that name.
    environments: int

    def chosen(self, names: tuple[str, ...]) -> list[str]:
        """Those of an experiment's profiles that the command line asks for."""
        return [name for name in names if self.profiles is None or name in self.profiles]

    def rows(
        self, experiment: str, names: tuple[str, ...], measure: Callable[["Settings", Processes, Profile], list[Row]]
    ) -> list[Row]:
        """Measures the chosen profiles one after the other, each with processes of its own."""
        rows: list[Row] = []
        for name in self.chosen(names):
            progress(f"{experiment}: {name}")
            with Processes() as processes:
                rows += measure(self, processes, profiles.profile(name))
        return rows


def progress(text: str) -> None:
    """Prints how far the measurement is, to standard error."""
    print(f"… {text}", file=sys.stderr, flush=True)
