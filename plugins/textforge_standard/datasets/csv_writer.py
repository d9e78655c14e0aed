"""Write delimited tables for `textforge predict`: with fields added to each row, or from rows of another format."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

KNOWN = 100_000
"""Maximum number of labels whose quoted form is remembered."""


def append_fields(stream: Any, table: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
    """Write the bytes of the table, with fields added to each row."""
    mark: bytes = table.separator.encode()

    def encoded(data: bytes) -> Any:
        return table.bytes.encoded(data.replace(b"\n", b"\r") if table.classic else data)

    fields = _Fields(added, table.separator, table.quotes)
    stream.write(table.bytes.mark + encoded(table.before))
    if table.header is not None:
        stem = table.header.rstrip(b"\r\n") if table.header.endswith(b"\n") else table.header
        names = joined_fields(list(added), table.separator, table.quotes).encode()
        stream.write(encoded(stem + mark + names + table.header[len(stem) :]))
        stream.flush()
    for one in answered:
        block, parts = one.rows.block, []
        place = 0 if not one.rows.first else block.ends[one.rows.first - 1]
        for row, line in zip(range(one.rows.first, one.rows.last), fields.lines(one.added), strict=True):
            parts.append(block.data[place : block.starts[row]])  # blank lines
            stem, end = block.row(row)
            parts += (stem, mark, line.encode(), end)
            place = block.ends[row]
        if one.rows.last == len(block.starts):
            parts.append(block.data[place:])
        stream.write(encoded(b"".join(parts)))
        stream.flush()


def write_separated(
    stream: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str], *, separator: str
) -> None:
    """Write the rows of a table of another format or separator."""
    from textforge_standard.datasets.cells import cell

    names = list(reader.names)
    stream.write((joined_fields([*names, *added], separator) + "\n").encode())
    fields = _Fields(added, separator, True)
    for one in answered:
        columns = one.rows.columns()
        cells = [map(cell, columns[name]) for name in names]
        rows = zip(*cells, strict=True) if cells else [() for _ in one.rows.texts]
        lines = zip(rows, fields.lines(one.added), strict=True)
        stream.write("".join(f"{joined_fields(row, separator)}{separator}{line}\n" for row, line in lines).encode())
        stream.flush()


class _Fields:
    """The added fields of rows as text."""

    def __init__(self, added: Mapping[str, str], separator: str, quotes: bool) -> None:
        self._added, self._separator, self._quotes = added, separator, quotes
        self._known: dict[str, str] = {}

    def lines(self, values: Mapping[str, list[Any]]) -> Iterator[str]:
        columns = [self._column(kind, values[name]) for name, kind in self._added.items()]
        return map(self._separator.join, zip(*columns, strict=True))

    def _column(self, kind: str, values: list[Any]) -> list[str]:
        if kind == "number":
            return ["" if value is None else f"{value:.4f}" for value in values]
        if kind == "numbers":
            return ["" if value is None else "|".join(f"{one:.4f}" for one in value) for value in values]
        if kind == "texts":
            return ["" if value is None else self._text("|".join(map(_joinable, value))) for value in values]
        return ["" if value is None else self._text(value) for value in values]

    def _text(self, value: str) -> str:
        if (found := self._known.get(value)) is None:
            found = joined_fields([value], self._separator, self._quotes)
            if len(self._known) < KNOWN:
                self._known[value] = found
        return found


def _joinable(label: str) -> str:
    r"""A label of several in one field, with `\x7c` for the separator."""
    return label.replace("|", "\\x7c")


def joined_fields(fields: Sequence[str], separator: str, quotes: bool = True) -> str:
    """Fields as a row; those with a separator, quote or line end are put in quotes.

    Raises:
        DataError: a field needs quotes, which have no meaning in this table.
    """
    from textforge import DataError

    special = re.compile(rf"[{re.escape(separator)}\r\n{chr(34) if quotes else ''}]")
    needs = [special.search(field) is not None for field in fields]
    if not quotes and True in needs:
        field = fields[needs.index(True)]
        raise DataError(
            f"the value {field!r} needs quotes, which are plain text in this table (quotes: false). "
            "Write it as .jsonl or .parquet."
        )
    return separator.join('"' + field.replace('"', '""') + '"' if need else field
                          for field, need in zip(fields, needs, strict=True))  # fmt: skip
