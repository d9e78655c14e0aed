"""The space to tune of a recipe without a `tune:` section: the ranges of its parts' own options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textforge.components.options import Option, Options
from textforge.components.part import Part
from textforge.components.settings import TrainerSettings
from textforge.components.tune import Tune, marked
from textforge.components.tune_types import by_type
from textforge.recipes.checked_recipe import Recipe
from textforge.recipes.tune_values import Dimension, TuneChoice, TuneRange, TuneSpace

PARTS = ("vectorizer", "model", "optimizer")
"""Sections whose options are tuned by default."""


def default_space(recipe: Recipe) -> TuneSpace:
    """The ranges that the parts of a recipe state for their options, or else those that the options' types give.

    Options of parts within parts are included; those whose value is a path, a part, or text are not.
    """
    found: list[Dimension] = []
    for kind in PARTS:
        part = recipe.parts.get(kind)
        if part is not None:
            found += _of_part(kind, part)
    if recipe.optimizer is not None:
        fields = Options(TrainerSettings, "trainer").fields
        values = {name: getattr(recipe.trainer, name) for name in fields}
        found += _of_options("trainer", fields, values)
    return TuneSpace(tuple(found))


def _of_part(key: str, part: Part) -> Iterator[Dimension]:
    options = part.component.options
    if not options.part_options or _marks(options.fields):  # what wraps other parts is rarely worth tuning itself
        yield from _of_options(key, options.own(options.fields), part.all_options)
    for path, inner in part.parts:
        yield from _of_part(".".join(map(str, (key, *path))), inner)


def _of_options(key: str, fields: dict[str, Option], values: dict[str, Any]) -> Iterator[Dimension]:
    """The marked options; all whose types give a range if none is marked and these are a part's."""
    marks = _marks(fields)
    if not marks and key != "trainer":
        marks = {name: mark for name, option in fields.items() if (mark := by_type(option))}
    for name, mark in marks.items():
        dimension = _dimension(f"{key}.{name}", mark, values.get(name))
        if dimension is not None:
            yield dimension


def _marks(fields: dict[str, Option]) -> dict[str, Tune]:
    return {name: mark for name, option in fields.items() if (mark := marked(option.annotation))}


def _dimension(key: str, mark: Tune, value: Any) -> Dimension | None:
    """A dimension that has the present value, too; None if that is not one of the marked choices."""
    if mark.choices:
        choice = TuneChoice(key, tuple(mark.choices))
        return choice if _plain(value) in choice else None  # another value was set on purpose
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (mark.log and value <= 0):
        return None  # switched off, or counted in another way
    assert mark.low is not None
    assert mark.high is not None
    low, high = min(mark.low, value), max(mark.high, value)
    whole = all(isinstance(one, int) for one in (mark.low, mark.high, value))
    return TuneRange(key, low, high, mark.log, whole)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
