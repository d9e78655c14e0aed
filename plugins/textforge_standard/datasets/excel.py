"""Dataset `excel`."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import Files
from textforge_standard.datasets.packed import unpacked_file
from textforge_standard.datasets.panics import is_panic_over_data
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import SPREADSHEET
from textforge_standard.datasets.tables import Format, Looked, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of zip archives (.xlsx, .xlsb, .ods) and of OLE compound files (.xls)."""
TITLE_ROWS = 20
"""Number of rows to search for a header."""


@with_groups(groups_are_wrong)
def excel(
    seed: int,
    files: Files,
    hold_out: HoldOut,
    columns: Columns,
    streaming: Streaming,
    /,
    *,
    sheet: str | None = None,
) -> Any:
    """Sheets of Excel (.xlsx, .xlsb, .xls) and OpenDocument (.ods), with a header; needs textforge[excel].

    Numbers and booleans become text, as in JSON: `1`, `2.5`, `true`.

    Options:
        sheet: name of the sheet; by default the first.
    """
    return Format(read_sheet, sheet_blocks, {"sheet": sheet}).dataset(seed, files, hold_out, columns, streaming)


def read_sheet(path: Path, wanted: dict[str, str] | None, *, sheet: str | None = None) -> Table:
    """Read the wanted columns (None: all) of a sheet; skip blank rows, and titles and comments above the header.

    Raises:
        DataError: the file cannot be read, has no such sheet, or lacks a column.
    """
    found = Sheet(path, wanted, sheet=sheet)
    if wanted is None:
        wanted = {one: one for one in found.header if one and found.header.count(one) == 1}
    look_up(path, found.header, wanted)
    return Table(
        path,
        {name: found.column(name) for name in wanted},
        called=f"rows {{}} of the sheet '{found.name}'",
        numbers=[n + 1 for n in found.numbers],
        warnings=[f"{path}: {warning}" for warning in found.warnings],
    )


class Sheet:
    """A sheet whose header is found: the first row with the wanted names, or else the likely one.

    Raises:
        DataError: the file cannot be read, has no such sheet, or the sheet is empty.
    """

    header: list[str]
    """The names of all columns; empty where a column has none."""
    numbers: list[int]
    """Index of each row below the header that is not blank."""

    def __init__(self, path: Path, wanted: Iterable[str] | None, *, sheet: str | None = None) -> None:
        from textforge import DataError

        frame, self.name, others = sheet_rows(path, sheet)
        self._rows = frame.rows()
        at = _header(self._rows, wanted)
        if at is None:
            raise DataError(
                f"{path}: the sheet '{self.name}' is empty; a header row with the names of the columns is required."
            )
        self.header = ["" if cell is None else cell.strip() for cell in self._rows[at]]
        below = range(at + 1, len(self._rows))
        self.numbers = [number for number in below if any(cell is not None for cell in self._rows[number])]
        above = [number + 1 for number in range(at) if any(self._rows[number])]
        one = len(above) == 1
        verb = "is above the header and was skipped" if one else "are above the header and were skipped"
        self.warnings = [f"{'row' if one else 'rows'} {_listed(above)} {verb}."] if above else []
        if others and sheet is None:
            self.warnings.append(
                f"has {len(others) + 1} sheets; the first, '{self.name}', is read. Choose another with "
                f"dataset.sheet: {_listed(others)}."
            )

    def column(self, name: str) -> list[str | None]:
        """The cells of the first column of this name."""
        place = self.header.index(name)
        return [self._rows[number][place] for number in self.numbers]

    def unnamed(self) -> list[int]:
        """Numbers of the columns, from 1, that have values but no name."""
        return [
            place + 1
            for place, name in enumerate(self.header)
            if not name and any(self._rows[number][place] is not None for number in self.numbers)
        ]


def sheet_blocks(path: Path, wanted: dict[str, str], *, sheet: str | None = None) -> Iterator[Table]:
    """Yield the table of `read_sheet`: a sheet has at most 1,048,576 rows and is read whole."""
    yield read_sheet(path, wanted, sheet=sheet)


def _listed(values: list[Any]) -> str:
    from textforge.errors import listed

    return listed(map(str, values))


def sheet_rows(path: Path, sheet: str | None) -> tuple[Any, str, list[str]]:
    """The cells of a sheet as a polars data frame of text, its name, and the names of the other sheets.

    Raises:
        PluginError: the library that reads spreadsheets is not installed.
        DataError: the file cannot be read, or has no such sheet.
    """
    from textforge import DataError, PluginError
    from textforge.errors import did_you_mean, listed, require_polars_threads

    require_polars_threads()
    try:
        import fastexcel
    except ImportError as error:
        raise PluginError(
            "dataset 'excel' needs the library 'fastexcel', which is not installed. "
            "Install it: pip install 'textforge[excel]', or save the sheet as CSV."
        ) from error
    try:
        with unpacked_file(path, ".xlsx", MARKS, "a spreadsheet") as file:
            book = fastexcel.read_excel(str(file))
            names = book.sheet_names
            if sheet is not None and sheet not in names:
                raise DataError(f"{path}: no sheet '{sheet}'. Its sheets: {listed(names)}.{did_you_mean(sheet, names)}")
            name = sheet if sheet is not None else names[0]
            frame = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()
            _refuse_damaged(file, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0].removeprefix("calamine error: ")
        raise DataError(f"{path}: is not a readable spreadsheet, or is damaged: {reason}.") from error
    except BaseException as error:
        if not is_panic_over_data(error):
            raise
        raise DataError(f"{path}: is not a readable spreadsheet, or is damaged: {error}.") from error
    return frame, name, [other for other in names if other != name]


def _refuse_damaged(file: Path, path: Path) -> None:
    """Compare the checksums of a spreadsheet that is a zip archive, which its reader does not do to the end.

    Raises:
        DataError: a part of it has another checksum.
    """
    from textforge import DataError

    if not zipfile.is_zipfile(file):
        return
    with suppress(NotImplementedError, RuntimeError), zipfile.ZipFile(file) as archive:  # another compression
        try:
            part = archive.testzip()
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DataError(f"{path}: is damaged: {error}. Copy or download it again.") from error
        if part is not None:
            raise DataError(f"{path}: is damaged: its part {part} has another checksum. Copy or download it again.")


def _header(rows: list[tuple[str | None, ...]], wanted: Iterable[str] | None) -> int | None:
    """Index of the header: the first row with the wanted names, else the first row over half as full as the fullest."""
    top = rows[:TITLE_ROWS]
    if wanted:
        for number, row in enumerate(top):
            if {*wanted} <= {cell.strip() for cell in row if cell is not None}:
                return number
    filled = [sum(cell is not None for cell in row) for row in top]
    most = max(filled, default=0)
    return next((number for number, n in enumerate(filled) if n and n * 2 > most), None)


def _look(path: Path) -> Looked:
    return read_sheet(path, None), {}, {}


declare(
    excel,
    streams=streams,
    tables=SPREADSHEET,
    look_at=look_at_files(*SPREADSHEET.suffixes, read=_look, read_with=partial(read_sheet)),
)
