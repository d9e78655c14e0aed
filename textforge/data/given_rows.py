"""The texts of a caller, with the columns that a classifier needs: lists of texts or dicts, tables, columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textforge.components.rows import ColumnKinds, Row, column_value
from textforge.data.columns import rows_with
from textforge.data.encoding import as_texts
from textforge.data.table_objects import columns_of, unpacked
from textforge.errors import DataError, did_you_mean, listed

GivenTexts = Any
"""Any iterable of str, or of dicts with a text and columns; or a table with columns of these names."""
GivenColumns = Mapping[str, Sequence[Any]] | None
"""The values of columns by name."""

_ABSENT = object()
TEXT = "text"
"""Key of the text in a dict, and name of the column of texts in a table."""


def as_rows(
    texts: Any, kinds: ColumnKinds, columns: Mapping[str, Sequence[Any]] | None = None, name: str = "texts"
) -> list[str]:
    """Validate texts with the columns that a classifier needs, and return them as rows.

    Args:
        texts: rows; dicts with the key `text` and the names of the columns; a table of pandas, polars, Arrow or Hugging
            Face with columns of these names; or texts, with `columns` beside them. Other keys are left out.
        kinds: the columns with their kinds; none for a classifier that needs texts alone.
        columns: the values of each column, if `texts` are texts alone.
        name: what `texts` are called in messages.

    Raises:
        DataError: a column is missing, or a value does not fit its kind; the message names the index and the column.
    """
    if not kinds:
        if columns:
            raise DataError(f"{name}: this classifier reads texts alone, and no columns. Leave {listed(columns)} out.")
        return as_texts(texts, name)
    table = [] if isinstance(texts, (list, tuple)) else columns_of(texts)
    if table:
        return _of_columns({**{str(one): unpacked(texts[one]) for one in table}}, kinds, name)
    if columns is not None:
        return _of_columns({TEXT: texts, **columns}, kinds, name)
    if isinstance(texts, (str, bytes, Mapping)) or not isinstance(texts, Iterable):
        raise DataError(f"{name}: {needs(kinds)}")
    found = list(unpacked(texts))
    if all(isinstance(one, Mapping) for one in found):
        return [row_of(one, kinds, f"{name}: the dict at index {n}") for n, one in enumerate(found)]
    rows = as_texts(found, name)
    for n, row in enumerate(rows):
        if isinstance(row, Row):
            refuse_missing(row.kinds, kinds, f"{name}: the row at index {n}")
        elif row:  # an empty text stands for a row without values
            raise DataError(f"{name}: the text at index {n} has no columns. {needs(kinds)}")
    return rows


def row_of(fields: Mapping[str, Any], kinds: ColumnKinds, place: str, text: str | None = None) -> Row:
    """A row of the fields of a dict.

    Args:
        fields: the values by name.
        kinds: the columns that are needed, with their kinds.
        place: what messages begin with.
        text: the text; by default the field of this name.

    Raises:
        DataError: a field is missing, or a value does not fit its kind.
    """
    if text is None:
        text = fields.get(TEXT)
    if not isinstance(text, str):
        found = f"has the fields {listed(map(str, fields))}" if TEXT not in fields else f"has {text!r} as text"
        raise DataError(f"{place} {found}. {needs(kinds)}")
    refuse_missing(fields, kinds, place)
    values = []
    for column, kind in kinds.items():
        try:
            values.append(column_value(fields[column], kind))
        except ValueError as error:
            raise DataError(f"{place} does not fit: '{column}' {error}.") from error
    return Row(text, values, kinds)


def needs(kinds: ColumnKinds) -> str:
    """What a classifier needs beside the text, with the right form."""
    example: dict[str, Any] = {TEXT: "…", **{name: 1.5 if kind == "number" else "…" for name, kind in kinds.items()}}
    named = listed([f"{name} ({kind})" for name, kind in kinds.items()], limit=20)
    return (
        f"This classifier reads columns beside the text: {named}. Give objects such as "
        f"{json.dumps(example, ensure_ascii=False)}, or a table with these columns."
    )


def _of_columns(table: Mapping[str, Any], kinds: ColumnKinds, name: str) -> list[str]:
    refuse_missing(table, kinds, f"{name}: the table", [TEXT])
    texts = as_texts(table[TEXT], name)
    return [*rows_with(texts, {column: [*unpacked(table[column])] for column in kinds}, kinds, name)]


def refuse_missing(names: Iterable[str], kinds: ColumnKinds, place: str, others: Iterable[str] = ()) -> None:
    """Refuse data without the columns that a classifier needs.

    Args:
        names: the names that the data have.
        kinds: the columns that are needed, with their kinds.
        place: the data, as the subject of the message.
        others: names that are needed, too.

    Raises:
        DataError: a name is missing; suggests the nearest one.
    """
    given = [str(name) for name in names]
    if missing := [name for name in (*others, *kinds) if name not in given]:
        raise DataError(
            f"{place} lacks {'' if len(missing) == 1 else 'columns '}{listed(map(repr, missing))}; it has "
            f"{listed(given) if given else 'none'}.{did_you_mean(missing[0], given)} {needs(kinds)}"
        )


def nested_fields(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The values of names with dots, such as `meta.price`, which lead into nested objects; those that are there."""
    found = {}
    for name in names:
        inner: Any = fields
        for key in name.split("."):
            inner = inner.get(key, _ABSENT) if isinstance(inner, Mapping) else _ABSENT
        if inner is not _ABSENT:
            found[name] = inner
    return found


def unread(names: Iterable[str], read: Iterable[str]) -> list[str]:
    """Names that are not read, nor hold anything that is, as `meta` holds `meta.price`."""
    whole = [*read]
    outer = {".".join(name.split(".")[:n]) for name in whole for n in range(1, name.count(".") + 2)}
    return [name for name in names if name not in outer]
