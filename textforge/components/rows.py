"""Texts with columns: a `Row` is a text that carries the values of its columns.

A row is a `str`, so it passes through whatever takes texts: shuffling, folds, subsets and streams need no code for
columns, and cannot separate a text from its values. Only code that reads columns knows about rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from textforge.errors import DataError, did_you_mean, listed

ColumnKind = Literal["number", "category", "text"]
"""Kind of a column: numbers, names of categories, or texts. Only numbers are stored as float, the others as str."""
KINDS_OF_COLUMNS: tuple[ColumnKind, ...] = get_args(ColumnKind)
Value = float | str | None
"""A value of a column; None if it is missing."""
ColumnKinds = Mapping[str, ColumnKind]
"""The columns of a row, in order, with their kinds."""


class Row(str):
    """A text with the values of its columns.

    Two rows are equal if their texts and values are. Methods of `str` return plain texts without columns.

    Args:
        text: the text.
        values: the value of each column, in the order of `kinds`; None if it is missing.
        kinds: the columns with their kinds. The rows of a data set share one mapping.
    """

    __slots__ = ("kinds", "values")

    kinds: ColumnKinds
    values: tuple[Value, ...]

    def __new__(cls, text: str, values: Iterable[Value], kinds: ColumnKinds) -> Row:
        row = super().__new__(cls, text)
        row.values, row.kinds = tuple(values), kinds
        return row

    @property
    def columns(self) -> dict[str, Value]:
        """The values by the names of their columns."""
        return dict(zip(self.kinds, self.values, strict=True))

    def with_text(self, text: str) -> Row:
        """Another text with the same columns."""
        return Row(text, self.values, self.kinds)

    def only(self, kinds: ColumnKinds) -> Row:
        """The text with some of its columns."""
        own = self.columns
        return Row(self, [own[name] for name in kinds], kinds)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Row):
            return str.__eq__(self, other) and self.values == other.values and [*self.kinds] == [*other.kinds]
        return str.__eq__(self, other) if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Row, (str(self), self.values, self.kinds)


def with_text(before: str, text: str) -> str:
    """A changed text, with the columns of the text before the change if it had any."""
    return before.with_text(text) if isinstance(before, Row) else text


def changed_by(change: Callable[[str], str], texts: Iterable[str]) -> list[str]:
    """Apply a function to each text; rows keep their columns."""
    return [with_text(text, change(text)) for text in texts]


def kinds_of(texts: Sequence[str]) -> ColumnKinds:
    """The columns of texts, by their first; empty if they have none."""
    return texts[0].kinds if len(texts) and isinstance(texts[0], Row) else {}


def row_key(text: str) -> Any:
    """A key that is equal for equal texts with equal columns."""
    return (str(text), text.values) if isinstance(text, Row) else text


def values_of(texts: Sequence[str], name: str) -> list[Value]:
    """The values of a column.

    An empty text without columns stands for a row without values.

    Raises:
        DataError: a text has no such column.
    """
    kinds: ColumnKinds | None = None
    place, found = 0, list[Value]()
    for text in texts:
        if not isinstance(text, Row):
            if text:
                raise DataError(
                    f"the column '{name}' is needed, but the text {text[:40]!r} has no columns. Methods of str drop "
                    "them; keep them with Row.with_text."
                )
            found.append(None)
            continue
        if text.kinds is not kinds:
            kinds = text.kinds
            if name not in kinds:
                raise DataError(f"the texts have no column '{name}', but {listed(kinds)}.{did_you_mean(name, kinds)}")
            place = [*kinds].index(name)
        found.append(text.values[place])
    return found


def texts_of(texts: Sequence[str], name: str) -> list[str]:
    """The values of a column as texts; a missing value is an empty text.

    Raises:
        DataError: a text has no such column, or it is a column of numbers.
    """
    found = values_of(texts, name)
    if any(isinstance(value, float) for value in found):
        raise DataError(f"the column '{name}' holds numbers, not texts.")
    return ["" if value is None else str(value) for value in found]


def column_value(value: Any, kind: ColumnKind) -> Value:
    """Convert a value of a table or of JSON to a value of a column.

    None, NaN, and blank text in a column of numbers or categories are missing values.

    Raises:
        ValueError: the value does not fit the kind. The message is the end of a sentence that begins with its place.
    """
    if hasattr(value, "item") and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 0) == 0:
        value = value.item()  # numpy's numbers
    if value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value):
        return None
    if kind == "number":
        return _number(value)
    if isinstance(value, str):
        return str(value) if kind == "text" or value.strip() else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    raise ValueError(f"holds a {type(value).__name__}, which is not {'a category' if kind == 'category' else 'text'}")


def _number(value: Any) -> float | None:
    if isinstance(value, str) and not value.strip():
        return None
    number = math.nan
    if (isinstance(value, (str, int, float)) and not isinstance(value, bool)) or type(value).__name__ == "Decimal":
        try:
            number = math.nan if "_" in str(value) else float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not math.isfinite(number):
        shown = repr(str(value)[:40]) if isinstance(value, str) else str(value)[:40]
        raise ValueError(f"holds {shown}, which is not a finite number.{_with_point(value)} Leave a missing one empty")
    return number


def _with_point(value: Any) -> str:
    """Advice for a number with a decimal comma."""
    if not isinstance(value, str) or value.count(",") != 1:
        return ""
    point = value.strip().replace(",", ".")
    try:
        return f" Write {point}." if math.isfinite(float(point)) else ""
    except ValueError:
        return ""
