"""The values of an option that its type allows, for `textforge tune`, if no option of its component has a mark."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from typing import Any

from textforge.components.options import Option
from textforge.components.tune import Tune

WIDER = 10
"""An option with a lower bound alone is tried from its default divided by this to its default times this."""


def by_type(option: Option) -> Tune | None:
    """The values that the type of an option allows; None if they are unbounded or no plain values.

    True and false for a bool, the values of a Literal, the range of a number with two bounds. A number with a lower
    bound alone is tried around its default, on a logarithmic scale.
    """
    annotation, default = option.annotation, option.default
    if annotation is bool:
        return Tune(choices=(False, True))
    if typing.get_origin(annotation) is typing.Literal:
        values = typing.get_args(annotation)
        return Tune(choices=values) if len(values) > 1 else None
    if typing.get_origin(annotation) is not typing.Annotated:
        return None
    kind, *constraints = typing.get_args(annotation)
    if kind not in (int, float):
        return None
    limits = dict(_limits(constraints))
    whole = kind is int
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    if low is None:
        return None
    if high is None:
        if isinstance(default, bool) or not isinstance(default, (int, float)) or default <= max(low, 0):
            return None
        below = max(1, default // WIDER) if whole else default / WIDER
        return Tune(
            low=max(below, low) if "ge" in limits else _inside(below, low, default), high=default * WIDER, log=True
        )
    room = 1 if whole else (high - low) * 1e-3
    low = low + room if "gt" in limits and "ge" not in limits else low
    high = high - room if "lt" in limits and "le" not in limits else high
    return Tune(low=low, high=high) if low < high else None


def _inside(below: float, low: float, default: float) -> float:
    """A value above an open lower end and below the default."""
    return below if below > low else (low + default) / 2


def _limits(constraints: Iterable[Any]) -> Iterator[tuple[str, float]]:
    """Names and values of the bounds, of annotated-types or in pydantic's `Field`."""
    for constraint in constraints:
        inner = getattr(constraint, "metadata", None)
        if inner:
            yield from _limits(inner)
            continue
        for name in ("gt", "ge", "lt", "le"):
            value = getattr(constraint, name, None)
            if isinstance(value, (int, float)):
                yield name, value
