"""Read and write JSON Lines for `textforge predict`: lines keep their bytes, and keys are added at their end."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from textforge_standard.datasets.columns import as_text, joined
from textforge_standard.datasets.jsonl import WHITE, all_names, field_of, object_of
from textforge_standard.datasets.table_bytes import TableBytes, last_line_end, row_blocks
from textforge_standard.datasets.usual_names import usual_text_column

CHUNK = 1024
"""Rows to answer at a time."""
ADVICE = "Correct the line, or continue past such lines with --on-error mark."
SPACE = WHITE.encode() + b"\n"


@dataclass
class _Line:
    """A line with an object, or blank lines and the line after them."""

    number: int
    before: bytes
    """Blank lines before it."""
    data: bytes
    value: dict[str, Any] | None
    fault: str


class JsonRows:
    """Some lines of a table, with the texts in them."""

    def __init__(self, table: "JsonTable", lines: list[_Line], texts: Sequence[str], join: str, after: bytes) -> None:
        self.table, self.lines, self.after = table, lines, after
        self.texts: list[str | None] = []
        self.faults: dict[int, str] = {}
        for row, line in enumerate(lines):
            text = None if line.value is None else self._text(line, texts, join)
            if line.fault:
                self.faults[row] = line.fault
            self.texts.append(text if text and text.strip() and not line.fault else None)

    def _text(self, line: _Line, names: Sequence[str], join: str) -> str:
        parts = []
        for name in names:
            value = field_of(line.value or {}, name)
            if value is not None and not isinstance(value, (str, bool, int, float)):
                kind = "an object" if isinstance(value, dict) else "a list"
                line.fault = f"line {line.number}: '{name}' holds {kind}, which is not text."
                self.table.refuse(line.fault)
                return ""
            parts.append("" if value is None else as_text(value))
        return parts[0] if len(parts) == 1 else joined([[part] for part in parts], join)[0]

    def columns(self) -> dict[str, list[Any]]:
        from textforge import DataError

        known = {*self.table.names}
        for line in self.lines:
            if other := next((key for key in line.value or () if key not in known), None):
                raise DataError(
                    f"{self.table.name}: line {line.number}: the key '{other}' is in none of the first lines, so the "
                    "columns of a table cannot be known beforehand. Write to a .jsonl file instead."
                )
        return {key: [(line.value or {}).get(key) for line in self.lines] for key in self.table.names}


class JsonTable:
    """A file of JSON Lines, opened and read up to its first block.

    Raises:
        DataError: the file cannot be read.
    """

    def __init__(self, source: Any) -> None:
        self.bytes = TableBytes(source)
        self.name = source.name
        self.mark = True
        self._line = 1
        self._blocks = row_blocks(self.bytes, self.bytes.pieces, last_line_end)
        self._first = next(self._blocks, b"")
        rows = [line.value for line in self._lines(self._first) if line.value is not None]
        self._line = 1
        self.names = list(dict.fromkeys(key for row in rows for key in row))
        """The keys of the objects in the first block."""
        self.columns = list(dict.fromkeys([*all_names(rows), *self.names]))

    def usual_text(self) -> str | None:
        return usual_text_column(self.columns)

    def refuse(self, fault: str) -> None:
        """Report a fault, unless rows with one are marked.

        Raises:
            DataError: they are not.
        """
        from textforge import DataError

        if not self.mark:
            raise DataError(f"{self.name}: {fault.rstrip('.')}. {ADVICE}")

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[JsonRows]:
        self.mark = mark
        for data in chain([self._first], self._blocks):
            yield from self._chunks(data, texts, join)

    def _chunks(self, data: bytes, texts: Sequence[str], join: str) -> Iterator[JsonRows]:
        chunk: list[_Line] = []
        for line in self._lines(data):
            if line.value is None and not line.fault:  # blank lines at the end
                yield JsonRows(self, chunk, texts, join, line.before)
                return
            chunk.append(line)
            if len(chunk) == CHUNK:
                yield JsonRows(self, chunk, texts, join, b"")
                chunk = []
        if chunk:
            yield JsonRows(self, chunk, texts, join, b"")

    def _lines(self, data: bytes) -> Iterator[_Line]:
        blank = b""
        for written in data.splitlines(keepends=True) if b"\r" not in data else _lines_of(data):
            number, self._line = self._line, self._line + 1
            if not written.strip(SPACE):
                blank += written
                continue
            value, fault = None, ""
            try:
                value = object_of(written.decode().removesuffix("\n"))
            except UnicodeDecodeError as error:
                fault = f"line {number} is not UTF-8: byte 0x{error.object[error.start]:02x}."
            except ValueError as error:
                fault = f"line {number}: {error}"
            if fault:
                self.refuse(fault)
            yield _Line(number, blank, written, value, fault)
            blank = b""
        if blank:
            yield _Line(self._line, blank, b"", None, "")


def _lines_of(data: bytes) -> list[bytes]:
    """Lines that end with a newline; a carriage return is white space."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def write_lines(stream: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
    """Write rows as JSON Lines; those of a `JsonTable` keep their bytes."""
    names = {name: json.dumps(name, ensure_ascii=False) for name in added}
    own = isinstance(reader, JsonTable)
    stream.write(reader.bytes.mark if own else b"")
    for one in answered:
        stream.write(_appended(one.rows, one.added, names) if own else _converted(one.rows, one.added))
        stream.flush()


def _values(added: Mapping[str, list[Any]], names: Mapping[str, str]) -> Iterator[str]:
    """The added keys and values of each row, as JSON without braces."""
    columns = []
    for name, values in added.items():
        key = names[name]
        if {*map(type, values)} <= {str, type(None)}:  # labels: encode each only once
            pairs = {value: f"{key}: {_encode(value)}" for value in {*values}}
            columns.append([pairs[value] for value in values])
        else:
            columns.append([f"{key}: {value!r}" if type(value) is float else f"{key}: {_encode(value)}"
                            for value in values])  # fmt: skip
    return map(", ".join, zip(*columns, strict=True))


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _appended(rows: JsonRows, added: Mapping[str, list[Any]], names: Mapping[str, str]) -> bytes:
    from textforge import DataError

    parts: list[bytes] = []
    for line, more in zip(rows.lines, _values(added, names), strict=True):
        if line.value is None:
            end = b"\n" if line.data.endswith(b"\n") else b""
            parts += (line.before, f"{{{more}}}".encode(), end)
            continue
        if not names.keys().isdisjoint(line.value):
            both = next(name for name in names if name in line.value)
            raise DataError(
                f"{rows.table.name}: line {line.number} has the key '{both}' already. Choose other names for the added "
                "ones, for example with --prefix predicted_."
            )
        close = line.data.rindex(b"}")
        inside = line.data[:close].rstrip(SPACE)
        comma = b", " if line.value else b""
        parts += (line.before, inside, comma, more.encode(), line.data[len(inside) :])
    return b"".join([*parts, rows.after])


def _converted(rows: Any, added: Mapping[str, list[Any]]) -> bytes:
    from textforge_standard.datasets.cells import json_value

    columns = {**rows.columns(), **added}
    names = list(columns)
    lines = (dict(zip(names, map(json_value, row), strict=True)) for row in zip(*columns.values(), strict=True))
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
