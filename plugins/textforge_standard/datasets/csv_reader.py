"""Read delimited files exactly, or reject them and name the faulty line."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge_standard.datasets.blocks import BLOCK, whole_rows
from textforge_standard.datasets.columns import Table, look_up
from textforge_standard.datasets.csv_oddities import NotATable, Ragged, Repeated, Swallowed, columns
from textforge_standard.datasets.csv_repairs import StrayQuotes, lines_above, n_lines_above
from textforge_standard.datasets.csv_rows import Rows, parsed
from textforge_standard.datasets.files import decoded_pieces, text_of
from textforge_standard.datasets.packed import pieces

DROP = "Or drop such rows with dataset.malformed: drop."
LONGEST_HEAD = 1 << 16
"""Bytes to search for lines above the header."""


def read_separated(
    path: Path,
    wanted: dict[str, str] | None,
    *,
    separator: str = ",",
    quotes: bool = True,
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
    malformed: str = "error",
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
    reader = _Reader(path, wanted, _Dialect(separator, quotes, names, malformed == "drop"))
    table = reader.read(data, final=True)
    table.warnings = reader.finish()
    table.n_malformed = reader.ragged.count
    return table


def separated_blocks(
    path: Path,
    wanted: dict[str, str],
    *,
    separator: str = ",",
    quotes: bool = True,
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
    malformed: str = "error",
    size: int = BLOCK,
) -> Iterator[Table]:
    """Yield the rows of `read_separated` block by block, so that a file need not fit in memory.

    Raises:
        DataError: as in `read_separated`, or a row is too long.
    """
    reader = _Reader(path, wanted, _Dialect(separator, quotes, names, malformed == "drop"))
    for block in whole_rows(path, decoded_pieces(path, pieces(path), encoding), quotes, size, reader.take_rest):
        yield reader.read(block.encode())
    if rest := reader.take_rest():
        yield reader.read(rest.encode(), final=True)
    if warnings := reader.finish():
        yield Table(path, {name: [] for name in wanted}, numbers=[], warnings=warnings)


@dataclass(frozen=True)
class _Dialect:
    """How to read a delimited file."""

    separator: str
    quotes: bool
    names: Sequence[str] | None
    """Column names of a file without a header."""
    drop: bool
    """Whether to drop rows with more or fewer fields than columns."""


class _Reader:
    """Reader of one file, whole or in blocks; collects anomalies of its rows."""

    def __init__(self, path: Path, wanted: dict[str, str] | None, dialect: _Dialect) -> None:
        self.path, self.wanted, self.separator, self.quotes = path, wanted, dialect.separator, dialect.quotes
        self.names = None if dialect.names is None else list(dialect.names)
        self.header: list[str] = []
        self.line = self.row = 1
        """Numbers of the next line and the next row."""
        if self.names is None:
            self.ragged = Ragged("the header", dialect.drop)
            self.repeated = Repeated("the header", "Were several files concatenated?")
        else:
            self.ragged = Ragged("dataset.names", dialect.drop)
            self.repeated = Repeated("dataset.names", "If the file has a header, leave out names.")
        self.swallowed = Swallowed()
        self.stray = StrayQuotes(dialect.separator)
        self.above: list[str] = []
        """Warnings about lines above the header."""
        self._rest = ""

    def read(self, data: bytes, final: bool = False) -> Table:
        """Read the rows of a block of whole lines; keep an incomplete last row for `take_rest`.

        Args:
            data: the lines, encoded as UTF-8.
            final: whether the file ends with this block.

        Raises:
            DataError: the first line is not a header, a column is missing, or a quote in the header is misplaced.
        """
        if self.line == 1 and not (data := self._without_lines_above(data)):
            return self._nothing()
        rows, first = self._rows(data), 0
        if not self.header:
            self._read_header(rows)
            first = int(self.names is None)
        rows = self._with_valid_quotes(rows, final)
        self.line += rows.n_lines
        malformed = self.ragged.look(rows, len(self.header))
        start, self.row = self.row, self.row + len(rows) - first
        if malformed.any():
            rows = rows.without(malformed)
        if (self.ragged.count and not self.ragged.drop) or len(rows) <= first:
            return self._nothing()
        found = self._columns(rows, first)
        self.swallowed.look(rows, found, self.header, first)
        numbers: Sequence[int] = range(start, self.row)
        if malformed.any():
            numbers = [start + place - first for place in (~malformed).nonzero()[0].tolist() if place >= first]
        called = "rows {} after the header" if self.names is None else "rows {}"
        table = Table(self.path, found, called=called, numbers=numbers)
        return self.repeated.left_out(table, rows, self.header, first)

    def take_rest(self) -> str:
        """Return the incomplete row at the end of the block, to be read with the next block."""
        rest, self._rest = self._rest, ""
        return rest

    def _rows(self, data: bytes) -> Rows:
        return Rows(data, self.separator, self.quotes, self.line, len(self.header) or None)

    def _with_valid_quotes(self, rows: Rows, final: bool) -> Rows:
        """Read misplaced quotes as text, so that no two rows become one."""
        if not self.quotes or rows.quotes_fit():
            return rows
        text, self._rest = self.stray.repaired(rows.data.decode(), len(self.header), rows.line, final)
        return self._rows(text.encode())

    def _nothing(self) -> Table:
        return Table(self.path, {name: [] for name in self.wanted or ()}, numbers=[])

    def finish(self) -> list[str]:
        """Warnings about all rows; call after the last block.

        Raises:
            DataError: the file has no header, or a row has the wrong number of fields.
        """
        if not self.header:
            raise self._empty()
        if self.ragged.count and not self.ragged.drop:
            raise self._ragged()
        kinds = (self.ragged, self.stray, self.swallowed, self.repeated)
        found = [*self.above, *(warning for kind in kinds for warning in kind.warnings())]
        return [f"{self.path}: {warning}" for warning in found]

    def _ragged(self) -> Exception:
        from textforge import DataError

        if stray := self.stray.errors.get(self.ragged.first[0][0]):
            return DataError(f"{self.path}: {stray} {DROP}")
        message = self.ragged.message(len(self.header), self.separator, self.quotes, DROP)
        return DataError(f"{self.path}: {message}")

    def _without_lines_above(self, data: bytes) -> bytes:
        """Skip a first line that sets the separator, and comments and titles above the header."""
        data = self._without_separator_line(data)
        width = None if self.names is None else len(self.names)
        head = data[:LONGEST_HEAD].decode("utf-8", "ignore")
        if n := n_lines_above(head, self.separator, self.quotes, self.wanted, width):
            data = data.split(b"\n", n)[n]
            self.above.append(lines_above(self.line, self.line + n - 1, header=self.names is None))
            self.line += n
        return data

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
            for name in dict.fromkeys(self.header):
                if name.strip() and (n := self.header.count(name)) > 1:
                    self.above.append(f"{n} columns are named '{name}' and are left out. Rename all but one.")
        look_up(self.path, self.header, self.wanted)

    def _empty(self, rows: Rows | None = None) -> Exception:
        from textforge import DataError

        empty = f"line {self.line} is empty" if rows is not None and len(rows) else "is empty"
        needed = "; a header line with the names of the columns is required" if self.names is None else ""
        return DataError(f"{self.path}: {empty}{needed}.")

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
    from textforge.errors import polars_threads_are_lost

    values = [[]] if polars_threads_are_lost() else _by_polars(text, places, separator, quotes)
    if len(values[0]) != n_rows:  # polars is missing, or found other rows: parse them one by one
        every = [fields for _, fields in parsed(text.decode(), separator, quotes)]
        values = [[fields[place] for fields in every] for place in places]
    return values


def _by_polars(text: bytes, places: list[int], separator: str, quotes: bool) -> list[list[str | None]]:
    """The values as polars reads them; a first column without values if it cannot."""
    from textforge_standard.checked_polars import pl

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
    except pl.exceptions.PolarsError:
        return [[]]
    return [frame.to_series(number).to_list() for number in range(len(places))]


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
