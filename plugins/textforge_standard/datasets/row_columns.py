"""Read the columns that rows bring beside their texts."""

from collections.abc import Mapping
from typing import Any, Literal

from textforge_standard.datasets.table import Table

Kinds = dict[str, Literal["number", "category", "text"]]
"""Columns by name, with their kinds."""


def with_columns(texts: list[str], table: Table, kinds: Kinds | None) -> list[str]:
    """The texts of a table as rows with the values of its columns; unchanged if there are no such columns.

    Raises:
        DataError: a value does not fit its kind; names file and row.
    """
    from textforge import DataError, Row
    from textforge.data import column_value

    if not kinds:
        return texts
    converted: list[list[Any]] = []
    for name, kind in kinds.items():
        converted.append([])
        for row, value in enumerate(table.columns[name]):
            try:
                converted[-1].append(column_value(value, kind))
            except ValueError as error:
                raise DataError(f"{table.path}: {table.rows([row])}: column '{name}' {error}.") from error
    return [Row(text, values, kinds) for text, values in zip(texts, zip(*converted, strict=True), strict=True)]


STORED = "column: "
"""What the name of a column begins with in a store of rows."""


def stored_columns(texts: list[str]) -> Mapping[str, Any]:
    """The columns of rows as polars columns, to store beside the texts."""
    from textforge.data import kinds_of, values_of
    from textforge_standard.checked_polars import pl

    types = {"number": pl.Float64, "category": pl.String, "text": pl.String}
    return {
        f"{STORED}{name}": pl.Series(values_of(texts, name), dtype=types[kind])
        for name, kind in kinds_of(texts).items()
    }


def restored_rows(texts: list[str], frame: Any, kinds: Kinds) -> list[str]:
    """Texts with the columns that a store has beside them."""
    from textforge import Row

    if not kinds:
        return texts
    values = zip(*(frame[f"{STORED}{name}"].to_list() for name in kinds), strict=True)
    return [Row(text, own, kinds) for text, own in zip(texts, values, strict=True)]
