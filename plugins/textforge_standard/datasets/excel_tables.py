"""Read spreadsheets for `textforge predict`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textforge_standard.datasets.columns import joined
from textforge_standard.datasets.excel import Sheet
from textforge_standard.datasets.table_bytes import as_file
from textforge_standard.datasets.usual_names import usual_text_column

CHUNK = 1024
"""Rows to answer at a time."""


class SheetRows:
    """Rows `first` to `last` of a sheet."""

    faults: Mapping[int, str] = {}

    def __init__(self, values: Mapping[str, list[str | None]], first: int, last: int, texts: list[str | None]) -> None:
        self._values, self._first, self._last, self.texts = values, first, last, texts

    def columns(self) -> dict[str, list[Any]]:
        return {name: column[self._first : self._last] for name, column in self._values.items()}


class SheetTable:
    """A sheet of a spreadsheet, which has at most 1,048,576 rows and is read whole.

    Raises:
        PluginError: the library that reads spreadsheets is not installed.
        DataError: the file cannot be read, or has no such sheet.
    """

    form: Any
    """The table format that opened it."""

    def __init__(self, source: Any, *, sheet: str | None = None, text: str | Sequence[str] = (), **_: Any) -> None:
        from textforge import DataError
        from textforge.errors import listed

        self.name = source.name
        path, copy = as_file(source, ".xlsx")
        try:
            found = Sheet(path, [text] if isinstance(text, str) else text, sheet=sheet)
        except DataError as error:
            raise DataError(str(error).replace(str(path), self.name)) from error
        if copy is not None:
            copy.close()
        self.names = list(filter(None, found.header))
        if twice := next((name for name in self.names if self.names.count(name) > 1), None):
            raise DataError(f"{self.name}: {self.names.count(twice)} columns are named '{twice}'. Rename all but one.")
        self.warnings = [warning.replace("dataset.sheet: ", "--set sheet=") for warning in found.warnings]
        if unnamed := found.unnamed():
            verb = "have no name and are" if len(unnamed) > 1 else "has no name and is"
            self.warnings.append(f"column{'s' * (len(unnamed) > 1)} {listed(map(str, unnamed))} {verb} left out.")
        self.columns = self.names
        self._values = {name: found.column(name) for name in self.names}
        self._n_rows = len(found.numbers)

    def usual_text(self) -> str | None:
        return usual_text_column(self.columns)

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[SheetRows]:
        for first in range(0, self._n_rows, CHUNK) or (0,):
            last = min(first + CHUNK, self._n_rows)
            parts = [[value or "" for value in self._values[name][first:last]] for name in texts]
            whole = parts[0] if len(parts) == 1 else joined(parts, join)
            yield SheetRows(self._values, first, last, [one if one.strip() else None for one in whole])
