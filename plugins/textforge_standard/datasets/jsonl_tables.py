"""Read and write JSON Lines for `textforge predict`: lines keep their bytes, and keys are added at their end."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import as_text, joined
from textforge_standard.datasets.json_objects import WHITE, all_names, field_of
from textforge_standard.datasets.jsonl import object_of
from textforge_standard.datasets.table_bytes import TableBytes, last_line_end, row_blocks
from textforge_standard.datasets.usual_names import usual_text_column

CHUNK = 1024
"""Rows to answer at a time."""
ADVICE = "Correct the {0}, or continue past such {0}s with --on-error mark."
SPACE = WHITE.encode() + b"\n"


@dataclass
class WrittenObject:
    """An object of an array or on a line; blank lines at the end have neither value nor fault."""

    number: int
    """Number of its line, or of its row in an array."""
    before: bytes
    """Blank lines before it."""
    data: bytes
    value: dict[str, Any] | None
    fault: str = ""


class JsonRows:
    """Some objects of a table, with the texts in them."""

    def __init__(
        self, table: "ObjectTable", lines: list[WrittenObject], texts: Sequence[str], join: str, after: bytes
    ) -> None:
        self.table, self.lines, self.after = table, lines, after
        self.texts: list[str | None] = []
        self.faults: dict[int, str] = {}
        for row, line in enumerate(lines):
            text = None if line.value is None else self._text(line, texts, join)
            if line.fault:
                self.faults[row] = line.fault
            self.texts.append(text if text and text.strip() and not line.fault else None)

    def _text(self, line: WrittenObject, names: Sequence[str], join: str) -> str:
        parts = []
        for name in names:
            value = field_of(line.value or {}, name)
            if value is not None and not isinstance(value, (str, bool, int, float)):
                kind = "an object" if isinstance(value, dict) else "a list"
                line.fault = f"{self.table.called} {line.number}: '{name}' holds {kind}, which is not text."
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
                    f"{self.table.name}: {self.table.called} {line.number}: the key '{other}' is in none of the first "
                    f"{self.table.called}s, so the columns of a table cannot be known beforehand. Write to a "
                    f"{self.table.form.suffixes[0]} file instead."
                )
        return {key: [(line.value or {}).get(key) for line in self.lines] for key in self.table.names}


class ObjectTable:
    """A table of JSON objects, opened and read up to its first block.

    Args:
        name: name for messages.
        first: the objects of the first block.
    """

    called = "line"
    """How messages name the place of an object."""
    form: Any
    """The table format that opened it."""
    warnings: Sequence[str] = ()

    def __init__(self, name: str, first: Iterable[WrittenObject]) -> None:
        self.name = name
        self.mark = True
        rows = [line.value for line in first if line.value is not None]
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
            raise DataError(f"{self.name}: {fault.rstrip('.')}. {ADVICE.format(self.called)}")

    def blocks(self) -> Iterator[Iterable[WrittenObject]]:
        """Iterate over the objects of each block, the first one included."""
        raise NotImplementedError

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[JsonRows]:
        self.mark = mark
        for block in self.blocks():
            yield from self._chunks(block, texts, join)

    def _chunks(self, block: Iterable[WrittenObject], texts: Sequence[str], join: str) -> Iterator[JsonRows]:
        chunk: list[WrittenObject] = []
        for line in block:
            if line.value is None and not line.fault:
                yield JsonRows(self, chunk, texts, join, line.before)
                return
            chunk.append(line)
            if len(chunk) == CHUNK:
                yield JsonRows(self, chunk, texts, join, b"")
                chunk = []
        if chunk:
            yield JsonRows(self, chunk, texts, join, b"")


class JsonTable(ObjectTable):
    """A file of JSON Lines.

    Raises:
        DataError: the file cannot be read.
    """

    def __init__(self, source: Any, **_: Any) -> None:
        self.bytes = source if isinstance(source, TableBytes) else TableBytes(source)
        self._line = 1
        self._blocks = row_blocks(self.bytes, self.bytes.pieces, last_line_end)
        self._first = next(self._blocks, b"")
        self.mark = True
        super().__init__(source.name, self._lines(self._first))
        self._line = 1

    def blocks(self) -> Iterator[Iterable[WrittenObject]]:
        return map(self._lines, chain([self._first], self._blocks))

    def _lines(self, data: bytes) -> Iterator[WrittenObject]:
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
            yield WrittenObject(number, blank, written, value, fault)
            blank = b""
        if blank:
            yield WrittenObject(self._line, blank, b"", None)


def _lines_of(data: bytes) -> list[bytes]:
    """Lines that end with a newline; a carriage return is white space."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def may_be_lines(path: Path) -> bool:
    return True


def append_keys(stream: Any, reader: JsonTable, answered: Iterable[Any], added: Mapping[str, str]) -> None:
    """Write the bytes of JSON Lines, with keys added to each object."""
    stream.write(reader.bytes.mark)
    for one in answered:
        stream.write(b"".join([*appended(one.rows, one.added), one.rows.after]))
        stream.flush()


def write_lines(stream: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
    """Write the rows of any table as JSON Lines."""
    if isinstance(reader, JsonTable):  # of a .json file
        append_keys(stream, reader, answered, added)
        return
    for one in answered:
        stream.write(b"".join(line + b"\n" for line in converted(one.rows, one.added)))
        stream.flush()


def _values(added: Mapping[str, list[Any]]) -> Iterator[str]:
    """The added keys and values of each row, as JSON without braces."""
    columns = []
    for name, values in added.items():
        key = _encode(name)
        if {*map(type, values)} <= {str, type(None)}:  # labels: encode each only once
            pairs = {value: f"{key}: {_encode(value)}" for value in {*values}}
            columns.append([pairs[value] for value in values])
        else:
            columns.append([f"{key}: {value!r}" if type(value) is float else f"{key}: {_encode(value)}"
                            for value in values])  # fmt: skip
    return map(", ".join, zip(*columns, strict=True))


_encode = json.JSONEncoder(ensure_ascii=False).encode


def appended(rows: JsonRows, added: Mapping[str, list[Any]]) -> Iterator[bytes]:
    """The bytes of each object with the added keys.

    Raises:
        DataError: an object has one of them.
    """
    from textforge import DataError

    for line, more in zip(rows.lines, _values(added), strict=True):
        if line.value is None:
            end = b"\n" if line.data.endswith(b"\n") else b""
            yield line.before + f"{{{more}}}".encode() + end
            continue
        if not added.keys().isdisjoint(line.value):
            both = next(name for name in added if name in line.value)
            raise DataError(
                f"{rows.table.name}: {rows.table.called} {line.number} has the key '{both}' already. Choose other "
                "names for the added ones, for example with --prefix predicted_."
            )
        close = line.data.rindex(b"}")
        inside = line.data[:close].rstrip(SPACE)
        comma = b", " if line.value else b""
        yield line.before + inside + comma + more.encode() + line.data[len(inside) :]


def converted(rows: Any, added: Mapping[str, list[Any]]) -> Iterator[bytes]:
    """Each row of any table as a JSON object."""
    from textforge_standard.datasets.cells import json_value

    columns = {**rows.columns(), **added}
    names = list(columns)
    for row in zip(*columns.values(), strict=True):
        yield _encode(dict(zip(names, map(json_value, row), strict=True))).encode()
