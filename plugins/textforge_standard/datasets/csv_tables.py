"""Read delimited tables for `textforge predict` in blocks of rows that know their bytes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from textforge_standard.datasets.blocks import LONGEST_FIELD
from textforge_standard.datasets.columns import joined
from textforge_standard.datasets.csv_heads import read_head
from textforge_standard.datasets.csv_oddities import NotATable, Ragged, columns
from textforge_standard.datasets.csv_reader import values_of
from textforge_standard.datasets.csv_repairs import StrayQuotes
from textforge_standard.datasets.csv_rows import Rows
from textforge_standard.datasets.csv_writer import joined_fields
from textforge_standard.datasets.table_bytes import TableBytes, last_line_end, last_row_end, row_blocks
from textforge_standard.datasets.usual_names import usual_text_column

CHUNK = 1024
"""Rows to answer at a time."""


@dataclass
class CsvRows:
    """Rows `first` to `last` of a block."""

    block: "_Block"
    first: int
    last: int

    @property
    def texts(self) -> list[str | None]:
        return self.block.texts[self.first : self.last]

    @property
    def faults(self) -> dict[int, str]:
        return {row - self.first: why for row, why in self.block.faults.items() if self.first <= row < self.last}

    def columns(self) -> dict[str, list[Any]]:
        return {name: values[self.first : self.last] for name, values in self.block.values.items()}


class CsvTable:
    """A delimited table, opened and read up to its first row.

    Raises:
        DataError: the table is empty, damaged, or has no header.
    """

    def __init__(
        self,
        source: Any,
        *,
        separator: str,
        quotes: bool,
        names: Sequence[str] | None,
        encoding: str,
        text: str | Sequence[str] = (),
        **_: Any,
    ) -> None:
        from textforge import DataError

        self.bytes = TableBytes(source, encoding)
        self.name, self.quotes = source.name, quotes
        self.classic = False
        """Whether lines end as in classic Mac OS, by a carriage return alone."""
        self.before = b""
        """Bytes before the first row."""
        pieces = self._with_newlines()
        head = read_head(
            pieces, separator=separator, quotes=quotes, names=names, live=self.bytes.live,
            wanted=[text] if isinstance(text, str) else text,
        )  # fmt: skip
        self.separator, self.before, self.warnings = head.separator, head.above, head.warnings
        self.line = 1 + self.before.count(b"\n")
        more = chain([head.rest] if head.rest else [], pieces)
        self.stray = StrayQuotes(self.separator)
        self._rest = b""
        """The incomplete row at the end of the last block."""
        self._blocks = row_blocks(self.bytes, more, _row_end if quotes else last_line_end)
        first = next(self._blocks, b"")
        while first and not first.strip(b"\r\n"):
            self.before, first, self.line = self.before + first, next(self._blocks, b""), self.line + first.count(b"\n")
        if not first and names is None:
            raise DataError(f"{self.name}: is empty; a header line with the columns' names is needed.")
        self.header: bytes | None = None
        self.columns = list(names or ())
        self._first = first
        if names is None:
            self._read_header(first)
        self.width = len(self.columns)
        self.names = self.columns

    def usual_text(self) -> str | None:
        return usual_text_column(self.columns)

    def _with_newlines(self) -> Iterator[bytes]:
        """The bytes of the table; if no line ends with a newline, carriage returns become newlines."""
        for number, piece in enumerate(self.bytes.pieces):
            self.classic |= not number and b"\n" not in piece and re.search(rb"\r[^\n]", piece) is not None
            yield piece.replace(b"\r", b"\n") if self.classic else piece

    def _read_header(self, block: bytes) -> None:
        from textforge import DataError

        clean, faults = _clean(block)
        rows = Rows(clean, self.separator, self.quotes, self.line)
        end = int(rows.ends[0])
        try:
            fields = rows.fields(0)
        except ValueError as error:
            raise DataError(f"{self.name}: {error}") from error
        if len(faults) and faults[0] < end:
            raise DataError(f"{self.name}: {_not_text(block, int(faults[0]), self.line)}. {ADVICE}")
        if wrong := NotATable(rows, fields, None if len(fields) > 1 else {"": "text"}).message():
            raise DataError(f"{self.name}: {wrong}")
        self.header, self.columns = block[:end], fields
        self.line += block.count(b"\n", 0, end)
        self._first = block[end:]

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[CsvRows]:
        wanted = list(dict.fromkeys(self.columns if everything else texts))
        if everything and len(wanted) < self.width:
            self._refuse_twice()
        for data, final in chain(((data, False) for data in chain([self._first], self._blocks)), [(b"", True)]):
            if not (data := self._rest + data):
                continue
            block = _Block(self, data, mark, final)
            self._rest = block.rest
            block.read(wanted, texts, join)
            self.line += block.data.count(b"\n")
            n = len(block.starts)
            for first in range(0, n, CHUNK) or (0,):
                yield CsvRows(block, first, min(first + CHUNK, n))
        self.warnings += self.stray.warnings()

    def _refuse_twice(self) -> None:
        from textforge import DataError

        twice = next(name for name in self.columns if self.columns.count(name) > 1)
        raise DataError(f"{self.name}: {self.columns.count(twice)} columns are named '{twice}'. Rename all but one.")


def _row_end(data: bytes) -> int:
    """Offset just past the last row; just past the last line if a quote is probably never closed."""
    return last_row_end(data) or (last_line_end(data) if len(data) > LONGEST_FIELD else 0)


ADVICE = "Correct the row, name the right encoding (--set encoding=…), or continue past such rows with --on-error mark."


class _Block:
    """Whole rows of a table: their bytes, texts and faults."""

    def __init__(self, table: CsvTable, data: bytes, mark: bool, final: bool) -> None:
        self.table, self.data, self.mark, self.rest = table, data, mark, b""
        places = self._find_rows()
        if not self._rows.quotes_fit():
            self._repair_quotes(final)
            places = self._find_rows()
        rows = self._rows
        table.width = table.width or rows.width
        self.starts, self.ends = rows.starts.tolist(), rows.ends.tolist()
        self.faults: dict[int, str] = {}
        self._find_ragged()
        if len(places):
            self._find_damaged(places)
        self.texts: list[str | None] = []
        self.values: dict[str, list[Any]] = {}

    def _find_rows(self) -> Any:
        """Find the rows; return the offsets of bytes that are not text."""
        table = self.table
        self.clean, places = _clean(self.data if self.data.endswith(b"\n") else self.data + b"\n")
        self._rows = Rows(self.clean, table.separator, table.quotes, table.line, table.width or None)
        return places

    def _repair_quotes(self, final: bool) -> None:
        """Read misplaced quotes as text, as the datasets do; the fields of such rows are written in quotes."""
        table, ended = self.table, self.data.endswith(b"\n")
        text = self.data.decode("utf-8", "surrogateescape") + ("" if ended else "\n")
        good, rest = table.stray.repaired(text, table.width, table.line, final)
        if not ended:
            good, rest = (good, rest[:-1]) if rest else (good[:-1], rest)
        self.data, self.rest = (one.encode("utf-8", "surrogateescape") for one in (good, rest))

    def _find_ragged(self) -> None:
        from textforge import DataError

        table, rows = self.table, self._rows
        wrong = (rows.widths != table.width).nonzero()[0].tolist()
        if wrong and not self.mark:
            ragged = Ragged("the header" if table.header is not None else "dataset.names")
            ragged.look(rows, table.width)
            said = ragged.message(table.width, table.separator, table.quotes)
            raise DataError(f"{table.name}: {said} Or continue past such rows with --on-error mark.")
        for row in wrong:
            self.faults[row] = f"line {rows.line_of(row)} has {columns(rows.widths[row])} instead of {table.width}."

    def _find_damaged(self, places: Any) -> None:
        import numpy as np

        from textforge import DataError

        rows, first = np.unique(np.searchsorted(self._rows.ends, places, side="right"), return_index=True)
        for row, number in zip(rows.tolist(), first.tolist(), strict=True):
            why = _not_text(self.data, int(places[number]), self.table.line)
            if not self.mark:
                raise DataError(f"{self.table.name}: {why}. {ADVICE}")
            self.faults.setdefault(row, f"{why}.")

    def read(self, wanted: list[str], texts: Sequence[str], join: str) -> None:
        """Read the wanted columns, and join the texts."""
        table, n = self.table, len(self.starts)
        places = sorted({table.columns.index(name) for name in wanted})
        fit = [row for row in range(n) if row not in self.faults] if self.faults else range(n)
        if self.faults:
            text = b"".join(self.clean[self.starts[row] : self.ends[row]] for row in fit)
        else:
            text = self._rows.text(0)
        found = values_of(text, len(fit), places, table.separator, table.quotes) if len(fit) else [[] for _ in places]
        if self.faults:
            found = [self._with_faults(column, place, fit) for place, column in zip(places, found, strict=True)]
        self.values = {name: found[places.index(table.columns.index(name))] for name in wanted}
        parts = [[value or "" for value in self.values[name]] for name in texts]
        whole = parts[0] if len(parts) == 1 else joined(parts, join)
        self.texts = [text if text.strip() and row not in self.faults else None for row, text in enumerate(whole)]

    def _with_faults(self, column: list[str | None], place: int, fit: Sequence[int]) -> list[str | None]:
        """A column of the rows that can be read, with what the others have in its place."""
        known = dict(zip(fit, column, strict=True))
        return [known[row] if row in known else self.fields(row)[place] for row in range(len(self.starts))]

    def fields(self, row: int) -> list[str]:
        """The fields of a row, cut or filled up to the number of columns."""
        found = self._rows.fields(row)[: self.table.width]
        return found + [""] * (self.table.width - len(found))

    def row(self, row: int) -> tuple[bytes, bytes]:
        """The bytes of a row that has as many fields as the header, and its line end."""
        table, start, end = self.table, self.starts[row], self.ends[row]
        body = self.data[start : min(end, len(self.data))]
        stem = body.removesuffix(b"\n").removesuffix(b"\r") if body.endswith(b"\n") else body
        if row in self.faults and (n := int(self._rows.widths[row])) != table.width:
            missing = table.separator * (table.width - n)
            fields = self.fields(row)
            full = (
                stem + missing.encode()
                if n < table.width
                else joined_fields(fields, table.separator, table.quotes).encode()
            )
            return full, body[len(stem) :]
        return stem, body[len(stem) :]


def _clean(data: bytes) -> tuple[bytes, Any]:
    """The bytes with '?' for each that is NUL or not UTF-8, which keeps all offsets; and the offsets of these."""
    import numpy as np

    try:
        data.decode()
        clean = data
    except UnicodeDecodeError:
        clean = re.sub("[\udc80-\udcff]", "?", data.decode("utf-8", "surrogateescape")).encode()
    clean = clean.replace(b"\0", b"?")
    if clean is data or clean == data:
        return clean, ()
    return clean, np.flatnonzero(np.frombuffer(data, np.uint8) != np.frombuffer(clean, np.uint8))


def _not_text(data: bytes, place: int, line: int) -> str:
    at, byte = line + data.count(b"\n", 0, place), data[place]
    return f"line {at} has a NUL byte" if not byte else f"line {at} is not UTF-8: byte 0x{byte:02x}"
