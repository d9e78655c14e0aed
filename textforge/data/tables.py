"""The interface through which a dataset reads the tables that `textforge predict` answers, and writes them back.

A dataset that reads files of rows offers a `TableFormat` as its factory's attribute `tables`. The core chooses the
text columns, predicts, and hands the new columns back; only the format knows how its rows look as bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

ColumnType = Literal["text", "number", "texts", "numbers"]
"""Type of an added column: str, float, list of str, or list of float; None marks a missing value in each."""

COMPRESSED = (".gz", ".zst", ".zip")
"""Suffixes of compressed files that are read; a .zip holds one file."""
COMPRESSIONS = (".gz", ".zst")
"""Suffixes of compressed files that are written."""


@dataclass(frozen=True)
class TableStream:
    """The bytes of a table, to read or to write."""

    stream: BinaryIO
    name: str
    """Name for error messages."""

    packed: str = ""
    """One of COMPRESSED if the bytes are compressed, else empty."""

    live: bool = False
    """Whether the stream is a pipe or a terminal, whose rows are to be answered as they arrive."""


class TableRows(Protocol):
    """Consecutive rows of a table, at most `CHUNK` of them."""

    texts: Sequence[str | None]
    """The text of each row; None if it has none or cannot be read."""

    faults: Mapping[int, str]
    """Position and reason of each row that cannot be read. A reason is a sentence that names the line or row."""

    def columns(self) -> dict[str, list[Any]]:
        """All columns as Python values, for another format."""


class TableReader(Protocol):
    """A table whose column names are known and whose rows are still to be read."""

    columns: list[str]
    """The names that `rows` accepts as texts."""

    names: Sequence[str]
    """The names of the columns that `TableRows.columns` has, in order; an added column must not have one of them."""

    warnings: Sequence[str]
    """Sentences about the file: lines skipped before the first row and, after `rows`, what was odd in the rows."""

    def usual_text(self) -> str | None:
        """The column that is named as texts usually are; None if no name, or several, fit best."""

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[TableRows]:
        """Iterate over the rows, in bounded memory.

        Args:
            texts: names of the text columns.
            join: separator of several texts; empty ones are skipped.
            everything: whether `TableRows.columns` will be called.
            mark: whether a row that cannot be read becomes a fault instead of raising.

        Raises:
            DataError: the table is damaged, or a row cannot be read and `mark` is False; names the line or row.
        """


@dataclass(frozen=True)
class AnsweredRows:
    """Rows, and the values of the added columns by name."""

    rows: TableRows
    added: dict[str, list[Any]] = field(default_factory=dict)


class TableFormat(Protocol):
    """A format of tables: how to read them, and how to write them with added columns."""

    suffixes: tuple[str, ...]
    """Suffixes of its files, in lower case: `(".csv",)`."""

    written_as: str | None
    """Name of the format to write in its place; None if `write` can write this one."""

    def reads(self, path: Path) -> bool:
        """Whether this is the format of a file, by its suffix; the suffix of a compression is ignored."""

    def may_be_lines(self, path: Path) -> bool:
        """Whether a file may also be lines of single texts, which `predict` answers line by line."""

    def reader(self, source: TableStream, options: Mapping[str, Any]) -> TableReader:
        """Open a table with the options of the dataset; `text` names the text columns that are expected.

        Raises:
            DataError: the table cannot be read.
        """

    def write(
        self,
        target: TableStream,
        reader: TableReader,
        answered: Iterable[AnsweredRows],
        added: Mapping[str, ColumnType],
    ) -> None:
        """Write all rows with the added columns at their end.

        The rows of a `reader` of the same format keep their bytes, or their types in a format without text.

        Raises:
            DataError: a value cannot be written in this format.
        """
