"""Read and write JSON files for `textforge predict`: arrays of objects, objects of columns, and JSON Lines."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from textforge_standard.datasets import jsonl_tables
from textforge_standard.datasets.files import decoded_pieces
from textforge_standard.datasets.json_files import not_json, objects_of, rows_of
from textforge_standard.datasets.json_objects import parsed
from textforge_standard.datasets.jsonl_tables import JsonTable, ObjectTable, WrittenObject, appended, converted
from textforge_standard.datasets.packed import pieces
from textforge_standard.datasets.table_bytes import BLOCK, TableBytes


def open_json(source: Any, **_: Any) -> ObjectTable:
    """Open a JSON file.

    Raises:
        DataError: the file cannot be read or has none of these layouts.
    """
    table = TableBytes(source)
    start = _Start(table.pieces)
    table.pieces = start.everything()
    return JsonTable(table) if start.is_lines(source.name) else ArrayTable(table)


def may_be_lines(path: Path) -> bool:
    """Whether each line of a file is JSON; True for a file that does not exist yet."""
    return not path.is_file() or _Start(pieces(path)).is_lines(str(path))


BLANK = b"\xef\xbb\xbf \t\r\n"
"""Bytes that may precede the first value: a byte-order mark and white space."""
FIRST = 10
"""Number of pieces in which to look for the bracket of an array."""
LONGEST_LINE = 1 << 26
"""Number of bytes after which a first line without an end is no line of JSON Lines."""


class _Start:
    """The beginning of a file, up to the end of its first line that is not blank, and whatever was read with it."""

    def __init__(self, more: Iterator[bytes]) -> None:
        self._more, self._read = more, list[bytes]()
        n_bytes = 0
        for piece in more:
            self._read.append(piece)
            n_bytes += len(piece)
            if n_bytes > LONGEST_LINE or (b"\n" in piece and b"\n" in b"".join(self._read).lstrip()):
                break
            if len(self._read) < FIRST and b"".join(self._read).lstrip(BLANK).startswith(b"["):
                break
        self._text = b"".join(self._read).lstrip(BLANK)

    def everything(self) -> Iterator[bytes]:
        """The bytes of the file from its beginning."""
        yield from chain(self._read, self._more)

    def is_lines(self, name: str) -> bool:
        """Whether the first line is a JSON string, or an object that is not a table by itself."""
        from textforge import DataError

        line, _, rest = self._text.partition(b"\n")
        if not line.startswith(b"{"):
            return not line.startswith(b"[")
        try:
            value = parsed(line.decode().strip())
        except (ValueError, RecursionError):
            return False  # an object over several lines
        if rest.strip() or any(map(bytes.strip, self._more_of_it())):
            return True
        try:
            rows_of(name, value)
        except DataError:  # an object of lists is a damaged table, not a line with a text
            return not all(isinstance(one, (list, dict)) for one in value.values())
        return False

    def _more_of_it(self) -> Iterator[bytes]:
        for piece in self._more:
            self._read.append(piece)
            yield piece


class ArrayTable(ObjectTable):
    """An array of objects, or another layout that dataset `json` reads.

    Raises:
        DataError: the file has no such layout.
    """

    called = "row"

    def __init__(self, table: TableBytes) -> None:
        size = 1 if table.live else BLOCK
        self._blocks = _blocks(_objects(table), size)
        self._first = next(self._blocks, [])
        super().__init__(table.name, self._first)

    def blocks(self) -> Iterator[Iterable[WrittenObject]]:
        return chain([self._first], self._blocks)


def _objects(table: TableBytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object as written and as parsed; those of other layouts than an array are written anew."""
    from textforge import DataError

    found = decoded_pieces(table.name, table.pieces, None)
    start = ""
    for piece in found:
        start = (start + piece).lstrip()
        if start:
            break
    if start.startswith("["):
        yield from objects_of(table.name, start[1:], found)
        return
    text = (start + "".join(found)).strip()
    try:
        value = parsed(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{table.name}: {not_json(text, error)}") from error
    for row in rows_of(table.name, value):
        yield json.dumps(row, ensure_ascii=False), row


def _blocks(objects: Iterable[tuple[str, dict[str, Any]]], size: int) -> Iterator[list[WrittenObject]]:
    """Objects in blocks of about `size` bytes."""
    block: list[WrittenObject] = []
    n_bytes = 0
    for number, (written, row) in enumerate(objects, start=1):
        block.append(WrittenObject(number, b"", written.encode("utf-8", "replace"), row))
        n_bytes += len(block[-1].data)
        if n_bytes >= size:
            yield block
            block, n_bytes = [], 0
    if block:
        yield block


def append_keys(stream: Any, reader: ObjectTable, answered: Iterable[Any], added: Mapping[str, str]) -> None:
    """Write the objects with keys added to each: an array of them, or the lines of JSON Lines."""
    if isinstance(reader, JsonTable):
        jsonl_tables.append_keys(stream, reader, answered, added)
    else:
        _write(stream, answered, appended)


def write_array(stream: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
    """Write the rows of any table as an array of objects."""
    _write(stream, answered, converted)


def _write(stream: Any, answered: Iterable[Any], written: Callable[..., Iterator[bytes]]) -> None:
    before = b"[\n"
    for one in answered:
        for row in written(one.rows, one.added):
            stream.write(before + row)
            before = b",\n"
        stream.flush()
    stream.write(b"[]\n" if before == b"[\n" else b"\n]\n")
