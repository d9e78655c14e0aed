"""Labels of any plain type: text, whole numbers, true and false, and the members of an Enum.

A label has two plain forms. Its *value* is what JSON holds: text, a number, true or false. Its *name* is the text
that messages, tables and the keys of JSON objects hold. All labels of a dataset are of one type, so that neither
form makes two of them equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from textforge.errors import DataError, listed

PLAIN = (bool, int, str)
"""Types of labels besides Enums; bool before int, whose subclass it is."""


def label_type(label: Hashable) -> type:
    """Return str, int, bool or the Enum class of a label; for a subclass of str or int, that type.

    Raises:
        DataError: it is none of these.
    """
    found = _type_of(type(label))
    if found is None:
        raise DataError(f"{label!r}, a {type(label).__name__}, is not a label.")
    return found


def _type_of(kind: type) -> type | None:
    if issubclass(kind, Enum):
        return kind
    return next((plain for plain in PLAIN if issubclass(kind, plain)), None)


def label_value(label: Any) -> str | int | bool:
    """Return a label as JSON holds it.

    A member of an Enum becomes its value if the values of all members are text, or whole numbers, or true and false.
    Otherwise it becomes its name.
    """
    if isinstance(label, Enum):
        return label_value(label.value) if _has_plain_values(type(label)) else label.name
    if isinstance(label, str):
        return str.__str__(label)  # str() would call the __str__ of a subclass
    return label if isinstance(label, bool) else int.__int__(label)


def label_name(label: Any) -> str:
    """Return a label as text: 1 becomes '1', True becomes 'true'."""
    value = label_value(label)
    return value if isinstance(value, str) else str(value).lower()


def label_names(labels: Iterable[Any]) -> list[str]:
    """Return labels as text, in the same order."""
    given = labels if isinstance(labels, (list, tuple)) else list(labels)
    if {*map(type, given)} <= {str}:
        return [*given]
    known = {label: label_name(label) for label in {*given}}
    return [known[label] for label in given]


@lru_cache(maxsize=256)
def _has_plain_values(members: type[Enum]) -> bool:
    values = [member.value for member in members]
    kinds = {_type_of(type(value)) for value in values}
    return len(kinds) == 1 and kinds <= {*PLAIN}


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def as_numbers(names: Iterable[str]) -> list[Decimal] | None:
    """Convert names of labels to exact numbers, or return None unless all are decimal numbers: -1, 10, 4.5."""
    names = list(names)
    return [Decimal(name) for name in names] if all(map(_NUMBER.fullmatch, names)) else None


def sorted_labels(labels: Iterable[Any]) -> list[Any]:
    """Sort labels by value if the names of all are numbers (1, 2, 10), else by the code points of their names."""
    by_name = {label_name(label): label for label in labels}
    names = sorted(by_name)
    if (numbers := as_numbers(names)) is not None:
        names = [name for _, name in sorted(zip(numbers, names, strict=True))]
    return [by_name[name] for name in names]


def as_members(labels: Sequence[Any], members: type[Enum]) -> tuple[Enum, ...]:
    """Return the members of an Enum whose values (see `label_value`) are these labels.

    Raises:
        DataError: `members` is not an Enum class, or has no member for a label.
    """
    if not (isinstance(members, type) and issubclass(members, Enum)):
        raise DataError(f"label_type: expected a subclass of enum.Enum, not {members!r}.")
    by_value = {(type(value), value): member for member in members for value in [label_value(member)]}
    keys = [(type(value), value) for value in map(label_value, labels)]
    if wrong := [value for kind, value in keys if (kind, value) not in by_value]:
        raise DataError(
            f"label_type: {members.__name__} has no member for {listed(map(repr, wrong))}. "
            f"Its members stand for {listed(repr(value) for _, value in by_value)}."
        )
    return tuple(by_value[key] for key in keys)


def checked_labels(labels: list[Any], name: str, *, row_of: Callable[[int], int] = int) -> list[Any]:
    """Return labels of one type. numpy's numbers and text become Python's; all others stay the objects they are.

    Args:
        labels: one label each.
        name: the split, for the error message.
        row_of: returns the index of the text that the label at an index belongs to.

    Raises:
        DataError: a label is None or of another type than text, int, bool and Enum, or the labels are of several
            types.
    """
    kinds = {*map(type, labels)}
    if kinds == {str}:
        return labels
    if any(issubclass(kind, np.generic) for kind in kinds):
        labels = [label.item() if isinstance(label, np.generic) else label for label in labels]
        kinds = {*map(type, labels)}
    if wrong := {kind for kind in kinds if _type_of(kind) is None}:
        index, label = next((n, label) for n, label in enumerate(labels) if type(label) in wrong)
        raise DataError(f"{name}: {_refusal(label, row_of(index))}")
    if len({_type_of(kind) for kind in kinds}) > 1:
        first, other = _of_two_types(labels)
        where = (f"{labels[n]!r} at index {row_of(n)}" for n in (first, other))
        raise DataError(
            f"{name}: {' and '.join(where)} are labels of different types, {described_type(labels[first])} and "
            f"{described_type(labels[other])}. Give all labels the same type."
        )
    return labels


def described_type(label: Any) -> str:
    """Return the name of a label's type in messages: text, int, bool, or the name of its Enum."""
    kind = label_type(label)
    return "text" if kind is str else kind.__name__


def _of_two_types(labels: Sequence[Any]) -> tuple[int, int]:
    kind = label_type(labels[0])
    return 0, next(n for n, label in enumerate(labels) if label_type(label) is not kind)


def _refusal(label: Any, index: int) -> str:
    missing = label is None or (isinstance(label, float) and label != label)
    if missing or type(label).__name__ in ("NAType", "NaTType"):  # as tables hold them
        return f"the label at index {index} is {label!r}, a missing value. Label this text, or leave it out."
    return (
        f"the label at index {index} is {label!r}, a {type(label).__name__}, which is not text, a whole number, true "
        "or false, or a member of an Enum. Turn labels into text first, as in [str(y) for y in labels]."
    )
