"""The mark by which an option states the values that `textforge tune` tries."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tune:
    """Mark the annotation of an option with the values that `textforge tune` tries by default.

    `C: Annotated[float, Gt(0), Tune(low=0.01, high=100, log=True)] = 1.0`. If any option of a component has the mark,
    its other options are not tuned by default.

    Args:
        low, high: both ends of a range; whole numbers for an option that takes nothing else.
        log: whether to draw the logarithm of the value uniformly, rather than the value.
        choices: the values to choose from, in place of a range.

    Raises:
        ValueError: neither a range nor choices are given, or both are, or the range is empty.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None) or (self.low is None) == (not self.choices):
            raise ValueError("Tune needs either low and high, or choices.")
        if self.low is not None and self.high is not None and not (0 if self.log else self.low) <= self.low < self.high:
            raise ValueError("Tune: low must be less than high, and above 0 if log is true.")
        if self.log and self.low == 0:
            raise ValueError("Tune: low must be above 0 if log is true.")


def marked(annotation: Any) -> Tune | None:
    """The mark of an annotation, or of a member of a union in it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        own = next((mark for mark in arguments[1:] if isinstance(mark, Tune)), None)
        return own or marked(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return next(filter(None, map(marked, arguments)), None)
    return None
