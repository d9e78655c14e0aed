"""Read delimited files exactly, or reject them and name the faulty line."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from textforge_standard.datasets.blocks import BLOCK, whole_rows
from textforge_standard.datasets.columns import Table, look_up
from textforge_standard.datasets.csv_oddities import NotATable, Ragged, Repeated, Swallowed, columns
from textforge_standard.datasets.csv_rows import Rows, parsed
from textforge_standard.datasets.files import decoded_pieces, pieces, text_of


def read_separated(
    path: Path,
    wanted: dict[str, str] | None,
    *,
    separator: str = ",",
    quotes: bool = True,
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
) -> Table:
    """Read the wanted columns (None: all) of a file with a header, or of a file whose columns are `names`.

    Raises:
        DataError: the file cannot be read, is damaged or lacks a column, or a row has the wrong number of fields.
    """
    text = text_of(path, encoding)
    if "\n" not in text:
        text = text.replace("\r", "\n")  # line ends of classic Mac OS, which spreadsheets still export
    data = text.encode()
    if not re.search(rb"[^\r\n]\r?\n\Z", data[-3:]):  # avoids copying the whole text
        data = data.rstrip(b"\r\n") + b"\n"
    del text
    reader = _Reader(path, wanted, separator, quotes, names)
    table = reader.read(data)
    table.warnings = reader.finish()
    return table


def separated_blocks(
    path: Path,
    wanted: dict[str, str],
    *,
    separator: str = ",",
    quotes: bool = True,
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
    size: int = BLOCK,
) -> Iterator[Table]:
    """Yield the rows of `read_separated` block by block, so that a file need not fit in memory.

    Raises:
        DataError: as in `read_separated`, or a row is too long.
    """
    reader = _Reader(path, wanted, separator, quotes, names)
    for block in whole_rows(path, decoded_pieces(path, pieces(path), encoding), quotes, size):
        yield reader.read(block.encode())
    if warnings := reader.finish():
        yield Table(path, {name: [] for name in wanted}, numbers=[], warnings=warnings)


class _Reader:
    """Reader of one file, whole or in blocks; collects anomalies of its rows."""

    def __init__(
        self, path: Path, wanted: dict[str, str] | None, separator: str, quotes: bool, names: Sequence[str] | None
    ) -> None:
        self.path, self.wanted, self.separator, self.quotes = path, wanted, separator, quotes
        self.names = None if names is None else list(names)
        self.header: list[str] = []
        self.line = self.row = 1
        """Numbers of the next line and the next row."""
        if names is None:
            self.ragged = Ragged("the header")
            self.repeated = Repeated("the header", "Were several files concatenated?")
        else:
            self.ragged = Ragged("dataset.names")
            self.repeated = Repeated("dataset.names", "If the file has a header, leave out names.")
        self.swallowed = Swallowed()

    def read(self, data: bytes) -> Table:
        """Read the rows of a block of whole lines.

        Raises:
            DataError: the first line is not a header, a column is missing, or a quote is misplaced.
        """
        if self.line == 1 and not (data := self._without_separator_line(data)):
            return self._nothing()
        rows, first = Rows(data, self.separator, self.quotes, self.line, len(self.header) or None), 0
        if not self.header:
            self._read_header(rows)
            first = int(self.names is None)
        self.line += rows.n_lines
        self._check(rows)
        if self.ragged.count or len(rows) == first:
            return self._nothing()
        found = self._columns(rows, first)
        self.swallowed.look(rows, found, self.header, first)
        numbers = range(self.row, self.row + len(rows) - first)
        self.row = numbers.stop
        called = "rows {} after the header" if self.names is None else "rows {}"
        table = Table(self.path, found, called=called, numbers=numbers)
        return self.repeated.left_out(table, rows, self.header, first)

    def _nothing(self) -> Table:
        return Table(self.path, {name: [] for name in self.wanted or ()}, numbers=[])

    def finish(self) -> list[str]:
        """Warnings about all rows; call after the last block.

        Raises:
            DataError: the file has no header, or a row has the wrong number of fields.
        """
        if not self.header:
            raise self._empty()
        if self.ragged.count:
            raise self._ragged()
        return [f"{self.path}: {warning}" for warning in (*self.swallowed.warnings(), *self.repeated.warnings())]

    def _ragged(self) -> Exception:
        from textforge import DataError

        return DataError(f"{self.path}: {self.ragged.message(len(self.header), self.separator, self.quotes)}")

    def _without_separator_line(self, data: bytes) -> bytes:
        """Skip a first line such as `sep=;`, which sets the separator for Excel."""
        from textforge import DataError

        if (found := separator_line(data)) is None:
            return data
        separator, end = found
        if separator != self.separator:
            raise DataError(
                f"{self.path}: line 1 declares {separator!r} as the separator. "
                f"Read the file with dataset.use: csv and dataset.separator: {json.dumps(separator)}."
            )
        self.line = 2
        return data[end:]

    def _read_header(self, rows: Rows) -> None:
        """Read the column names and validate that the wanted ones exist.

        Raises:
            DataError: the header is missing, or lacks a wanted column.
        """
        from textforge import DataError

        if not len(rows) or rows.starts[0] > 0:
            raise self._empty(rows)
        try:
            first = rows.fields(0)
        except ValueError as error:
            raise DataError(f"{self.path}: {error}") from error
        if self.names is not None and len(first) != len(self.names):
            found = f"line {self.line} has {columns(len(first))}"
            raise DataError(f"{self.path}: {found}, but dataset.names has {len(self.names)} names.")
        self.header = first if self.names is None else self.names
        if self.names is None and (wrong := NotATable(rows, first, self.wanted).message()):
            raise DataError(f"{self.path}: {wrong}")
        if self.wanted is None:
            self.wanted = {name: name for name in self.header if self.header.count(name) == 1}
        look_up(self.path, self.header, self.wanted)

    def _empty(self, rows: Rows | None = None) -> Exception:
        from textforge import DataError

        empty = f"line {self.line} is empty" if rows is not None and len(rows) else "is empty"
        needed = "; a header line with the names of the columns is required" if self.names is None else ""
        return DataError(f"{self.path}: {empty}{needed}.")

    def _check(self, rows: Rows) -> None:
        """Record the rows whose number of fields differs from the header.

        Raises:
            DataError: a quote is misplaced, or a row before it has the wrong number of fields.
        """
        from textforge import DataError

        width = len(self.header)
        if rows.quotes_fit():  # otherwise polars may merge two rows
            self.ragged.look(rows, width)
            return
        text = rows.data.decode()
        lines = text.split("\n")
        try:
            for line, fields in parsed(text, self.separator, self.quotes, rows.line):
                # A quoted empty field is a row, as in Rows; only a line without quotes can be blank.
                blank = len(fields) == 1 and not lines[line - rows.line].strip(" \t\r")
                if len(fields) != width and not blank:
                    self.ragged.add(line, fields)
        except ValueError as error:
            raise self._ragged() if self.ragged.count else DataError(f"{self.path}: {error}") from error

    def _columns(self, rows: Rows, first: int) -> dict[str, list[str | None]]:
        """The wanted columns of the rows from `first` on."""
        numbers = {name: self.header.index(name) for name in self.wanted or ()}
        places = sorted({*numbers.values()})
        if not places:
            return {}
        values = values_of(rows.text(first), len(rows) - first, places, self.separator, self.quotes)
        return {name: values[places.index(place)] for name, place in numbers.items()}


def values_of(text: bytes, n_rows: int, places: list[int], separator: str, quotes: bool) -> list[list[str | None]]:
    """The values of the columns at `places` (ascending) of rows with equally many fields, none of them blank."""
    import polars as pl

    try:
        # select by index: polars keeps the quotes of a quoted name
        frame = pl.read_csv(
            io.BytesIO(text),
            has_header=False,
            columns=places,
            separator=separator,
            infer_schema=False,
            quote_char='"' if quotes else None,
        )
        values = [frame.to_series(number).to_list() for number in range(len(places))]
    except pl.exceptions.PolarsError:
        values = [[]]
    if len(values[0]) != n_rows:  # polars found other rows: parse them one by one
        every = [fields for _, fields in parsed(text.decode(), separator, quotes)]
        values = [[fields[place] for fields in every] for place in places]
    return values


def separator_line(data: bytes) -> tuple[str, int] | None:
    """The separator in a first line such as `sep=;` (for Excel), and the offset of the next line."""
    found = re.match(rb'(?i)(?:\xef\xbb\xbf)?"?sep=([ -~\t])"?\1*\r?\n', data)
    return (found[1].decode(), found.end()) if found else None


def separator_is_wrong(*, separator: str, **_: Any) -> str | None:
    """The error message for an invalid separator, or None; for check_options."""
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0':
        return (
            f"separator {separator!r} must be one ASCII character, not a quote or a line break. "
            "Common ones: ',' ';' '|' and, for tabs, \"\\t\" in double quotes."
        )
    return None


def names_are_wrong(*, names: Sequence[str] | None, **_: Any) -> str | None:
    """The error message for repeated column names, or None; for check_options."""
    twice = next((name for name in names or () if (names or ()).count(name) > 1), None)
    return f"names has '{twice}' twice." if twice is not None else None
