"""The option `checkpoint` of the recipe's `trainer:` section: how often a run saves its state, and how many are kept.

Imports only the standard library and annotated-types, as `settings.py` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

AUTO, NEVER = "auto", "never"
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_INTERVAL = re.compile(r"([1-9][0-9]{0,8}) ?(epochs?|steps?|s|min|h)")


@dataclass(frozen=True)
class Interval:
    """A distance between two checkpoints, such as 500 steps."""

    number: int
    unit: Literal["epoch", "step", "second"]


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """How often a run saves its state, to continue from after it was stopped."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid", "strict": True, "use_attribute_docstrings": True,
    }  # fmt: skip

    every: str = AUTO
    """'1 epoch', '500 steps', '30 s', '5 min' or '2 h'; 'auto' saves after epochs, as long as that takes at most 2 % of
    the time, and within epochs every 5 minutes; 'never' saves only when a signal ends the run."""
    keep: Annotated[int, Ge(1)] = 2
    """Number of checkpoints to keep; older ones are deleted."""


def interval_of(settings: CheckpointSettings) -> Interval | None:
    """The distance between two checkpoints; None for 'auto' and 'never'.

    Raises:
        ValueError: `every` is none of the known forms.
    """
    if settings.every in (AUTO, NEVER):
        return None
    found = _INTERVAL.fullmatch(settings.every)
    if found is None:
        raise ValueError(settings.every)
    number, unit = int(found[1]), found[2]
    if unit in _SECONDS:
        return Interval(number * _SECONDS[unit], "second")
    return Interval(number, "epoch" if unit.startswith("epoch") else "step")


def wrong_checkpoint(settings: CheckpointSettings) -> str | None:
    """An error message if `every` cannot be read; None otherwise."""
    try:
        interval_of(settings)
    except ValueError:
        return (
            f"checkpoint: every must be '{AUTO}', '{NEVER}', or a number and a unit, as in '1 epoch', '500 steps' or "
            f"'5 min' (units: epochs, steps, s, min, h), not '{settings.every[:80]}'."
        )
    return None
