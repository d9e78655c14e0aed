"""Recognize a launcher such as torchrun by its environment variables. Standard library only."""

from __future__ import annotations

import os
from dataclasses import dataclass

from textforge.errors import RecipeError

TIMEOUT = "TEXTFORGE_TIMEOUT"
"""Environment variable: the seconds that a process waits for another one."""
LONGEST = 1800.0
"""Seconds to wait without that variable. The first process may evaluate or write for long while the others wait."""
NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Launch:
    """The place of this process among those that a launcher has started."""

    rank: int
    size: int
    local_rank: int

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and reports progress."""
        return self.rank == 0

    def __str__(self) -> str:
        return f"process {self.rank} of {self.size}"


def launched() -> Launch | None:
    """The place of this process; None if it is the only one.

    Raises:
        RecipeError: a variable is no whole number, or out of range.
    """
    if any(name not in os.environ for name in NEEDED):
        return None
    size = _number("WORLD_SIZE")
    if size <= 1:
        return None
    launch = Launch(_number("RANK"), size, _number("LOCAL_RANK") if "LOCAL_RANK" in os.environ else _number("RANK"))
    if launch.rank >= size:
        raise RecipeError(f"the environment variable RANK is {launch.rank}; it must be below WORLD_SIZE, {size}.")
    return launch


def refuse_several(what: str) -> None:
    """Refuse what works in one process only.

    Raises:
        RecipeError: a launcher has started several; `what` begins the sentence.
    """
    if launched() is not None:
        raise RecipeError(f"{what} works in one process. Start it without torchrun.")


def command_prefix() -> str:
    """What begins a command that is to start as many processes as there are now; empty for one."""
    launch = launched()
    if launch is None:
        return ""
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]:
        return f"torchrun --nproc-per-node {launch.size} -m "
    return "torchrun (with the same options) -m "


def longest_wait() -> float:
    """The seconds that a process waits for another one.

    Raises:
        RecipeError: the environment variable is no number above 0.
    """
    given = os.environ.get(TIMEOUT)
    if given is None:
        return LONGEST
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise RecipeError(f"the environment variable {TIMEOUT} must be a number of seconds above 0, not {given!r}.")
    return found


def _number(name: str) -> int:
    given = os.environ[name]
    if not given.strip().isdecimal():
        raise RecipeError(f"the environment variable {name} must be a whole number, not {given!r}.")
    return int(given)
