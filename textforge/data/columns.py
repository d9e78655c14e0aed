"""Columns beside the texts of a dataset: attach their values to the texts, and keep the columns of all splits alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textforge.components.rows import (
    KINDS_OF_COLUMNS,
    ColumnKind,
    ColumnKinds,
    Row,
    Value,
    column_value,
    kinds_of,
)
from textforge.data.table_objects import unpacked
from textforge.errors import DataError, did_you_mean, listed

EXAMPLE = 'columns={"train": {"price": [9.5, 12.0]}, "test": {"price": [7.0]}}'


def checked_kinds(kinds: Any) -> dict[str, ColumnKind]:
    """Validate a mapping of column names to kinds.

    Raises:
        DataError: a name is not text, or a kind is none of number, category and text.
    """
    if not isinstance(kinds, Mapping):
        raise DataError(f"columns: expected a mapping of names to kinds, not a {type(kinds).__name__}.")
    for name, kind in kinds.items():
        if not isinstance(name, str) or kind not in KINDS_OF_COLUMNS:
            raise DataError(
                f"columns: the kind of column {name!r} is {kind!r}; it must be one of {listed(KINDS_OF_COLUMNS)}."
                f"{did_you_mean(str(kind), KINDS_OF_COLUMNS)}"
            )
    return dict(kinds)


def are_kinds(columns: Mapping[str, Any]) -> bool:
    """Whether a mapping gives the kinds of columns, and not their values."""
    return all(isinstance(kind, str) for kind in columns.values())


def with_columns(
    splits: Mapping[str, Sequence[str]], columns: Any, kinds: Mapping[str, str] | None
) -> tuple[dict[str, list[Row]], dict[str, ColumnKind]]:
    """Attach the values of columns to the texts of all splits.

    Args:
        splits: the texts of each split.
        columns: for each split, a mapping of column names to values, one for each text.
        kinds: the kinds of some columns. By default a column of numbers is of the kind number, any other a category.

    Returns:
        The rows of each split, and the kinds of all columns.

    Raises:
        DataError: a split lacks columns or has other ones than train, a column has too few values, or a value is of
            the wrong type; the message names it.
    """
    if not isinstance(columns, Mapping) or not all(isinstance(one, Mapping) for one in columns.values()):
        raise DataError(f"columns: expected a mapping of splits to columns, as in {EXAMPLE}.")
    if other := next((name for name in columns if name not in splits), None):
        raise DataError(f"columns: no split '{other}' in memory. The splits: {listed(splits)}.")
    values = {split: {name: [*_listed(own, name)] for name, own in one.items()} for split, one in columns.items()}
    names = [*values.get("train", next(iter(values.values())))]
    for split in splits:
        if {*values.get(split, ())} != {*names}:
            raise DataError(f"columns: {split} must have the same columns as the others: {listed(names)}. {EXAMPLE}.")
    given = checked_kinds(kinds or {})
    if other := next((name for name in given if name not in names), None):
        raise DataError(f"column_kinds: no column '{other}'. The columns: {listed(names)}.{did_you_mean(other, names)}")
    every: dict[str, ColumnKind] = {
        name: given.get(name) or _kind(name, [value for one in values.values() for value in one[name]])
        for name in names
    }
    rows = {split: rows_with(texts, values[split], every, split) for split, texts in splits.items()}
    return rows, every


def rows_with(texts: Sequence[str], values: Mapping[str, Sequence[Any]], kinds: ColumnKinds, split: str) -> list[Row]:
    """Attach the values of columns to texts.

    Raises:
        DataError: a column has another number of values than there are texts, or a value does not fit its kind.
    """
    converted: list[list[Value]] = []
    for name, kind in kinds.items():
        column = values[name]
        if len(column) != len(texts):
            raise DataError(f"{split}: {len(texts)} texts but {len(column)} values in the column '{name}'.")
        converted.append([])
        for index, value in enumerate(column):
            try:
                converted[-1].append(column_value(value, kind))
            except ValueError as error:
                raise DataError(f"{split}: the column '{name}' at index {index} {error}.") from error
    return [Row(text, own, kinds) for text, own in zip(texts, zip(*converted, strict=True), strict=True)]


def refuse_other_columns(texts: Sequence[str], kinds: ColumnKinds, split: str) -> None:
    """Refuse texts without the columns that the others have, or with other ones.

    Raises:
        DataError: a text has other columns; the message names its index.
    """
    if not kinds and not kinds_of(texts):
        return
    wanted = dict(kinds)
    alike: ColumnKinds | None = None
    for index, text in enumerate(texts):
        own = text.kinds if isinstance(text, Row) else {}
        if own is not alike and dict(own) != wanted:
            has = f"the columns {listed(own)}" if own else "no columns"
            raise DataError(
                f"{split}: the text at index {index} has {has}, but others have {listed(wanted) or 'none'}. "
                "Give every text the same columns, of the same kinds."
            )
        alike = own


def _listed(values: Any, name: str) -> Iterable[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise DataError(f"columns: the column '{name}' must be a list of values, not a {type(values).__name__}.")
    found: Iterable[Any] = unpacked(values)
    return found


def _kind(name: str, values: Iterable[Any]) -> ColumnKind:
    """The kind of a column: number if all values that are there are numbers, category if none is.

    Raises:
        DataError: some are and others are not.
    """
    names = ("str", "str_", "bool", "bool_")
    missing = (value is None or value != value or type(value).__name__ == "NAType" for value in values)
    found = {type(value).__name__ in names for value, no in zip(values, missing, strict=True) if no is False}
    if len(found) > 1:
        raise DataError(
            f"columns: the column '{name}' holds both numbers and text. Give one type, or state its kind, as in "
            f"column_kinds={{{name!r}: 'category'}}."
        )
    return "category" if True in found else "number"
