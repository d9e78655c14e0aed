"""Anomalies of delimited tables, and the message for each."""

import json
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from textforge_standard.datasets.csv_rows import Rows
from textforge_standard.datasets.shown import shown_names
from textforge_standard.datasets.table import SHOWN, Table

SEPARATORS = ",;\t|"
FIRST_ROWS = 20
"""Number of rows to search for a header if the first row is not one."""


def columns(n: int) -> str:
    """`1 column`, `2 columns`."""
    return f"{n} column{'' if n == 1 else 's'}"


@dataclass
class Ragged:
    """Rows with more or fewer fields than columns.

    Args:
        where: source of the column count, for the message.
        drop: whether such rows are dropped with a warning.
    """

    where: str
    drop: bool = False
    count: int = 0
    first: list[tuple[int, int, int]] = field(default_factory=list)
    """First line, last line and number of fields of each of the first such rows."""

    def look(self, rows: Rows, width: int) -> Any:
        """Record such rows of a block; return their mask, bool [n_rows]."""
        mask = rows.widths != width
        ragged = mask.nonzero()[0]
        for row in ragged[: SHOWN + 1 - len(self.first)].tolist():
            self.first.append((rows.line_of(row), rows.last_line_of(row), int(rows.widths[row])))
        self.count += len(ragged)
        return mask

    def warnings(self) -> list[str]:
        """The warning about dropped rows; empty if there are none."""
        from textforge.errors import listed

        if not self.count:
            return []
        lines = listed([*(str(one[0]) for one in self.first), *[""] * (self.count - len(self.first))], limit=SHOWN)
        one = self.count == 1
        rows = "1 row has" if one else f"{self.count:,} rows have"
        where = f"{'line' if one else 'lines'} {lines}"
        return [f"{rows} more or fewer columns than {self.where} and {'was' if one else 'were'} dropped ({where})."]

    def message(self, width: int, separator: str, quotes: bool, advice: str = "") -> str:
        """The error message; `advice` is a further sentence on what to do."""
        from textforge.errors import listed

        (line, last, n), *others = self.first
        mark = "tab" if separator == "\t" else f"'{separator}'"
        sentences = [f"line {line}: {columns(n)}, but {self.where} has {width}."]
        if quotes and last > line:
            sentences.append(
                f"A quote opens in this row, which ends on line {last}. If quotes are plain text in this file, "
                "set dataset.quotes: false."
            )
        elif quotes and n > width:
            sentences.append(f'Put a text that contains a {mark} in quotes: "…".')
        elif quotes:
            sentences.append('If a text spans several lines here, join them, or put the whole text in quotes: "…".')
        sentences += [advice] if advice else []
        if others:
            lines = [*(str(one[0]) for one in others), *[""] * (self.count - len(self.first))]
            sentences.append(f"Lines with the same error: {listed(lines, limit=SHOWN)}.")
        return " ".join(sentences)


@dataclass
class Repeated:
    """Rows that repeat the column names, as in concatenated files.

    Args:
        what: name of the repeated row, for the warning.
        advice: last sentence of the warning.
    """

    what: str
    advice: str
    count: int = 0
    first: list[int] = field(default_factory=list)
    """Line numbers of the first such rows."""

    def left_out(self, table: Table, rows: Rows, header: list[str], first: int) -> Table:
        """Drop such rows from a table of the rows from `first` on, and record them.

        If only one of several columns is read, the whole row must repeat the header.
        """
        repeats = _equal_rows(table, {name: {name, "\ufeff" + name} for name in table.columns})
        if len(table.columns) == 1:
            repeats = [row for row in repeats if len(header) > 1 and rows.fields(first + row) == header]
        if not repeats:
            return table
        self.count += len(repeats)
        self.first += [rows.line_of(first + row) for row in islice(repeats, SHOWN - len(self.first))]
        gone = {*repeats}
        kept = [row for row in range(len(rows) - first) if row not in gone]
        found = {name: [values[row] for row in kept] for name, values in table.columns.items()}
        return Table(table.path, found, called=table.called, numbers=[(table.numbers or kept)[row] for row in kept])

    def warnings(self) -> list[str]:
        """The warning; empty if no row was recorded."""
        from textforge.errors import listed

        if not self.count:
            return []
        lines = listed([*map(str, self.first), *[""] * (self.count - len(self.first))], limit=SHOWN)
        one = self.count == 1
        return [
            f"{'line' if one else 'lines'} {lines} {'repeats' if one else 'repeat'} {self.what} and "
            f"{'was' if one else 'were'} skipped. {self.advice}"
        ]


def _equal_rows(table: Table, values: dict[str, set[str]]) -> list[int]:
    """Indices of the rows that have one of the given `values` in every column."""
    found: list[int] | range | None = None
    for name, wanted in values.items():
        column = table.columns[name]
        if found is None:
            if not any(value in column for value in wanted):
                return []
            found = [row for row, value in enumerate(column) if value in wanted]
        else:
            found = [row for row in found if column[row] in wanted]
    return list(found or ())


@dataclass
class Swallowed:
    """Multi-line rows whose lines look like separate rows, merged by quotes that are plain text."""

    n_rows: int = 0
    n_lines: int = 0
    first: list[str] = field(default_factory=list)
    """Line ranges of the first such rows."""

    def look(self, rows: Rows, table: dict[str, list[str | None]], header: list[str], first: int) -> None:
        """Record such rows of a block; `table` has the wanted columns of the rows from `first` on."""
        suspects = rows.of_whole_lines()
        if not suspects:
            return
        lines = {row: fields for row in suspects if (fields := _fields_of_lines(rows, row)) is not None}
        known = _known(lines, {header.index(name): values for name, values in table.items()}, first)
        for row, fields in lines.items():
            if _each_a_row(fields, known, rows.separator):
                self.n_rows, self.n_lines = self.n_rows + 1, self.n_lines + len(fields)
                if len(self.first) < SHOWN:
                    self.first.append(f"{rows.line_of(row)} to {rows.last_line_of(row)}")

    def warnings(self) -> list[str]:
        """The warning; empty if no row was recorded."""
        from textforge.errors import listed

        if not self.n_rows:
            return []
        places = listed([*self.first, *[""] * (self.n_rows - len(self.first))], limit=SHOWN)
        became = "one row" if self.n_rows == 1 else f"{self.n_rows} rows"
        return [
            f"lines {places}: {self.n_lines} lines are read as {became}, because a quote opens on the first and closes "
            "on the last. Each of these lines alone has every column. If quotes are plain text in this file, set "
            "dataset.quotes: false."
        ]


def _fields_of_lines(rows: Rows, row: int) -> list[list[str]] | None:
    """The fields of each line of a row, with quotes as text; None if doubled quotes show that they are not text."""
    text = rows.data[rows.starts[row] : rows.ends[row]].decode()
    if '""' in text:
        return None
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [[part.strip('"') for part in line.split(rows.separator)] for line in lines if line]


def _known(
    suspects: dict[int, list[list[str]]], columns: dict[int, list[str | None]], first: int
) -> dict[int, set[str | None]]:
    """For each column, the values of suspicious lines that other rows have too."""
    known: dict[int, set[str | None]] = {}
    for place, values in columns.items():
        sought = {line[place] for lines in suspects.values() for line in lines if line[place].strip()}
        lengths = {*map(len, sought)}
        known[place] = {
            value
            for row, value in enumerate(values, start=first)
            if value is not None and len(value) in lengths and value in sought and row not in suspects
        }
    return known


def _each_a_row(lines: list[list[str]], known: dict[int, set[str | None]], separator: str) -> bool:
    """Whether every line looks like a row: in one column, such as the labels, all values occur in other rows.

    Texts rarely contain tabs, so with tabs as separator it is enough that no field is empty.
    """
    if separator == "\t" and all(map(str.strip, (part for line in lines for part in line))):
        return True
    return any(all(line[place] in values for line in lines) for place, values in known.items())


class NotATable:
    """Diagnosis of a first row that may not be the header.

    Args:
        rows: all rows, including the first.
        first: fields of the first row.
        wanted: the wanted columns; None means all.
    """

    def __init__(self, rows: Rows, first: list[str], wanted: dict[str, str] | None) -> None:
        self.rows, self.first, self.wanted = rows, first, wanted

    def message(self) -> str | None:
        """The error message, or None if the row may be the header."""
        if self.wanted is not None and all(name in self.first for name in self.wanted):
            return None
        return self._quote() or self._separator() or self._title()

    def _quote(self) -> str | None:
        line, last = self.rows.line_of(0), self.rows.last_line_of(0)
        if last == line or self.wanted is None:
            return None
        return (
            f"line {line}: a quote opens in the header, so it ends on line {last}, and it lacks a column. "
            "If quotes are plain text in this file, set dataset.quotes: false."
        )

    def _separator(self) -> str | None:
        if len(self.first) > 1 or self.wanted is None:
            return None
        lines = self.rows.data[: self.rows.ends[min(len(self.rows), FIRST_ROWS) - 1]].decode().splitlines()
        for other in (c for c in SEPARATORS if c != self.rows.separator):
            named = any({*self.wanted} <= {*line.replace('"', "").split(other)} for line in lines)
            alike = len(lines) > 1 and 0 < lines[0].count(other) == lines[1].count(other)
            if named or alike:
                return (
                    f"its header has a single column. Are the columns separated by {other!r}? "
                    f"Then set dataset.separator: {json.dumps(other)}."
                )
        return None

    def _title(self) -> str | None:
        from textforge.errors import listed

        if any(map(str.strip, self.first[1:])):
            return None
        row = next(filter(self._is_header, range(1, min(len(self.rows), FIRST_ROWS))), None)
        if row is None:
            return None
        line, at = self.rows.line_of(0), self.rows.line_of(row)
        return (
            f"line {line} seems to be a title: only its first column has text, but line {at} has "
            f"{columns(int(self.rows.widths[row]))}: {listed(shown_names(self.rows.fields(row)))}. "
            "Delete the lines before the header, or correct the names of the columns."
        )

    def _is_header(self, row: int) -> bool:
        try:
            fields = self.rows.fields(row)
        except ValueError:
            return False
        if self.wanted is not None and {*self.wanted} <= {*fields}:
            return True
        return len(fields) > 1 and all(map(str.strip, fields))
