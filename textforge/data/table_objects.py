"""Tables and columns of other libraries: refuse a table where a column is expected, unpack an Arrow column."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from textforge.errors import DataError, listed

SHOWN_ROWS = 20
"""Rows that are read to find the column of texts."""
SHOWN_COLUMNS = 50
"""Columns that are looked at to find the column of texts."""


def columns_of(values: Any) -> list[Any]:
    """The column names of a table of pandas, polars, Arrow, Hugging Face or numpy; empty if `values` is no table."""
    if getattr(values, "ndim", 2) == 1 and not getattr(getattr(values, "dtype", None), "names", None):
        return []  # a pandas Series has an attribute for each text of its index
    for found in (
        getattr(values, "column_names", None),  # of Arrow and Hugging Face; Arrow's `columns` are the data
        getattr(values, "columns", None),
        getattr(getattr(values, "dtype", None), "names", None),
    ):
        if found is not None and not callable(found) and not isinstance(found, (str, bytes)):
            with suppress(TypeError):
                return list(found)
    return []


def refuse_table(values: Any, name: str, what: str) -> None:
    """Refuse a table, whose iteration would give the names of its columns, or its rows.

    Args:
        values: what the caller gave.
        name: where the column belongs, for the error message.
        what: the singular noun for a value, for the error message.

    Raises:
        DataError: `values` is a table; the message names the column to take.
    """
    if isinstance(values, (list, tuple)) or not (columns := columns_of(values)):
        return
    kind = type(values).__name__
    if isinstance(getattr(values, "column_names", None), Mapping):
        raise DataError(
            f"{name}: expected a list of {what}s, not a {kind} of several splits. "
            f"Give a column of one of them: {listed(map(repr, columns))}."
        )
    best = text_column(values, columns) if what == "text" else None
    example = f": table[{best!r}]" if best is not None else ""
    raise DataError(
        f"{name}: expected a list of {what}s, not a table ({kind}). Give one of its columns{example}. "
        f"Its columns: {listed(map(str, columns))}."
    )


def text_column(table: Any, columns: list[Any]) -> Any:
    """The name of the column whose first rows hold the longest texts; None if no column holds text."""
    lengths: dict[Any, int] = {}
    for column in columns[:SHOWN_COLUMNS]:
        with suppress(Exception):  # a lazy table does not give its columns
            shown = [*islice(unpacked(table[column]), SHOWN_ROWS)]
            if shown and all(isinstance(value, str) for value in shown):
                lengths[column] = sum(map(len, shown))
    return max(lengths, key=lambda column: lengths[column], default=None)


def unpacked(values: Any) -> Any:
    """The Python values of an Arrow array; anything else unchanged. Iterating over Arrow gives scalars of its own."""
    return values.to_pylist() if callable(getattr(values, "to_pylist", None)) else values


def columns_to_take(table: Any) -> str:
    """Advice for a table given as a split; empty for anything else."""
    if not (columns := columns_of(table)):
        return ""
    text = text_column(table, columns)
    label = next((name for name in columns if str(name).lower() in ("label", "labels", "category", "class")), None)
    pair = ", ".join("…" if one is None else f"table[{one!r}]" for one in (text, label))
    return f" Give two columns of the {type(table).__name__}: ({pair}). Its columns: {listed(map(str, columns))}."
