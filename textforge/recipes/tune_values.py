"""What a recipe's `tune:` section says by itself: for each key a list of values, or a range."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from textforge.components.kinds import SECTIONS
from textforge.components.option_errors import found
from textforge.errors import Mistake, RecipeError, cut, did_you_mean, listed
from textforge.recipes.document import Node
from textforge.recipes.yaml12 import to_yaml

TUNED = (*(kind for kind in SECTIONS if kind != "dataset"), "trainer", "decision")
"""Sections of a recipe that can be tuned. The data, the seed and what only measures or reports are not."""
OF_A_RANGE = ("low", "high", "log")
MAX_VALUES = 100
"""Limit on the number of values in a list, and of keys in the section."""

Conditions = tuple[tuple[str, tuple[int, ...]], ...]
"""Keys of `TuneChoice`s, each with the numbers of the values for which a dimension exists."""


@dataclass(frozen=True)
class TuneRange:
    """A number between two ends, both included."""

    key: str
    """Dotted key in the recipe: `model.hidden.0`."""
    low: float
    high: float
    log: bool = False
    """Whether the logarithm of the value is drawn uniformly."""
    whole: bool = False
    """Whether the value is a whole number."""
    when: Conditions = ()

    def __contains__(self, value: Any) -> bool:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and self.low <= value <= self.high and (not self.whole or float(value).is_integer())

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{', by its logarithm' if self.log else ''}"


@dataclass(frozen=True)
class TuneChoice:
    """One of several values: of an option, or the part of a section."""

    key: str
    values: tuple[Any, ...]
    """Plain values, as a recipe writes them."""
    when: Conditions = ()

    @property
    def names(self) -> list[str]:
        """Each value as text on one line."""
        return [value_name(value) for value in self.values]

    def __contains__(self, value: Any) -> bool:
        return value_name(value) in self.names

    def __str__(self) -> str:
        return listed(self.names)


Dimension = TuneRange | TuneChoice


@dataclass(frozen=True)
class TuneSpace:
    """The values to search. A dimension comes after those that its conditions name."""

    dimensions: tuple[Dimension, ...]

    def active(self, values: Mapping[str, Any]) -> Iterator[Dimension]:
        """Yield each dimension that exists, given values of the earlier ones; the caller may add values meanwhile."""
        for one in self.dimensions:
            if self.exists(one, values):
                yield one

    def exists(self, dimension: Dimension, values: Mapping[str, Any]) -> bool:
        """Whether a dimension exists for these values of other dimensions."""
        by_key = {one.key: one for one in self.dimensions}
        for key, numbers in dimension.when:
            choice = by_key[key]
            assert isinstance(choice, TuneChoice)
            if key not in values or choice.names.index(value_name(values[key])) not in numbers:
                return False
        return True


def value_name(value: Any) -> str:
    """A plain value on one line, as YAML writes it; a part without options by its name alone."""
    if isinstance(value, Mapping) and [*value] == ["use"]:
        value = value["use"]
    if isinstance(value, str):
        return value
    return " ".join(to_yaml(value).removesuffix("...\n").split())


def read_dimensions(node: Node) -> tuple[list[tuple[Dimension, Node]], list[Mistake]]:
    """Read the `tune:` section, each dimension with the node of its value; nothing is compared with the recipe yet."""
    dimensions: list[tuple[Dimension, Node]] = []
    mistakes: list[Mistake] = []
    if node.mapping is None:
        shape = "'tune' must be a mapping of keys to values, as in 'model.C: {low: 0.1, high: 10, log: true}'."
        return [], [Mistake(shape, node.place)]
    if len(node.mapping) > MAX_VALUES:
        return [], [Mistake(f"tune has {len(node.mapping):,} keys; the limit is {MAX_VALUES}.", node.place)]
    for key, value in node.mapping.items():
        if wrong := _wrong_key(key):
            mistakes.append(Mistake(wrong, value.key_place))
        elif isinstance(value.value, list):
            if mistake := _wrong_list(key, value):
                mistakes.append(mistake)
            else:
                dimensions.append((TuneChoice(key, tuple(value.plain())), value))
        elif value.mapping is not None:
            wrongs = [*_wrong_range(key, value)]
            mistakes += wrongs
            if not wrongs:
                dimensions.append((TuneRange(key, **value.plain()), value))
        else:
            shown = f"tune: {cut(key)} must be a list of values, or a range as in {{low: 1, high: 10}}"
            mistakes.append(Mistake(f"{shown}, not {found(value.value)}.", value.place))
    dimensions.sort(key=lambda one: one[0].key.count("."))
    return dimensions, mistakes


def trusted_space(node: Node) -> TuneSpace:
    """The space of a `tune:` section whose values need no validation: a range between whole numbers is one of these."""
    read, mistakes = read_dimensions(node)
    if mistakes:
        raise RecipeError(mistakes)
    whole = [
        replace(one, whole=True) if isinstance(one, TuneRange) and isinstance(one.low, int) else one for one, _ in read
    ]
    return TuneSpace(tuple(whole))


def _wrong_key(key: str) -> str | None:
    section, *rest = key.split(".")
    if not all((section, *rest)):
        return f"tune: '{cut(key)}' is not a key. Join names by dots, as in model.hidden.0."
    if section not in TUNED:
        meant = did_you_mean(section, TUNED)
        return f"tune: '{cut(section)}' cannot be tuned. Sections that can: {listed(TUNED)}.{meant}"
    if not rest and section not in SECTIONS:
        return f"tune: '{section}' has no alternatives; tune one of its keys, as in {section}.…: [1, 2]."
    return None


def _wrong_list(key: str, node: Node) -> Mistake | None:
    assert isinstance(node.value, list)
    if not node.value:
        return Mistake(f"tune: {key} lists no values.", node.place)
    if len(node.value) > MAX_VALUES:
        return Mistake(f"tune: {key} lists {len(node.value):,} values; the limit is {MAX_VALUES}.", node.place)
    names = [value_name(one.plain()) for one in node.value]
    for number, name in enumerate(names):
        if name in names[:number]:
            return Mistake(f"tune: {key} lists {cut(name)} twice. Remove one.", node.value[number].place)
    return None


def _wrong_range(key: str, node: Node) -> Iterator[Mistake]:
    """Yield the mistakes of a range by itself."""
    given = node.mapping or {}
    for name in given:
        if name not in OF_A_RANGE:
            meant = did_you_mean(name, OF_A_RANGE)
            wrong = f"tune: {key}: unknown key '{cut(name)}'. A range has: {listed(OF_A_RANGE)}.{meant}"
            yield Mistake(wrong, given[name].key_place)
    ends = {}
    for name in ("low", "high"):
        if name not in given:
            yield Mistake(f"tune: {key}: '{name}' is missing. A range is {{low: 1, high: 10}}.", node.place)
            continue
        value = given[name].value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            yield Mistake(f"tune: {key}: {name} must be a number, not {found(value)}.", given[name].place)
        else:
            ends[name] = value
    log = given["log"].value if "log" in given else False
    if not isinstance(log, bool):
        yield Mistake(f"tune: {key}: log must be true or false, not {found(log)}.", given["log"].place)
    if len(ends) < 2:
        return
    if ends["low"] >= ends["high"]:
        wrong = f"tune: {key}: the range is empty: low is {ends['low']}, high is {ends['high']}."
        yield Mistake(wrong, given["high"].place)
    elif log is True and ends["low"] <= 0:
        wrong = f"tune: {key}: low must be above 0 if log is true, not {ends['low']}: 0 has no logarithm."
        yield Mistake(wrong, given["low"].place)
