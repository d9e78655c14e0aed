"""Files of separated values read exactly, or refused with the line that is wrong."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Table, look_up
from textforge_standard.datasets.files import content, decoded


def read_separated(
    path: Path,
    wanted: dict[str, str] | None,
    *,
    separator: str = ",",
    quotes: bool = True,
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
) -> Table:
    """The columns wanted (None: all) of a file with a header, or with columns that have the `names`.

    Raises:
        DataError: the file cannot be read, is damaged, or lacks a column.
    """
    import polars as pl

    from textforge import DataError

    data = _lines(path, encoding)
    header = _header(path, data, separator, quotes, names)
    if wanted is None:
        wanted = {name: name for name in header if header.count(name) == 1}
    _hint_separator(path, header, separator, wanted)
    look_up(path, header, wanted)
    if quotes and not _quotes_fit(data, separator):  # polars would read on, and could take two rows for one
        raise DataError(f"{path}: {_bad_row(data, separator, quotes, len(header))}")
    numbers = {name: header.index(name) for name in wanted}
    places = sorted({*numbers.values()})
    try:
        # by number: polars keeps the quotes of a quoted name
        frame = pl.read_csv(
            io.BytesIO(data),
            columns=places,
            separator=separator,
            infer_schema=False,
            quote_char='"' if quotes else None,
            has_header=names is None,
        )
    except pl.exceptions.PolarsError as error:
        bad = _bad_row(data, separator, quotes, len(header)) or str(error).splitlines()[0]
        raise DataError(f"{path}: {bad}") from error
    columns = {name: frame.to_series(places.index(place)).to_list() for name, place in numbers.items()}
    return Table(path, columns, called="rows {} after the header" if names is None else "rows {}")


def separator_is_wrong(*, separator: str, **_: Any) -> str | None:
    """What is wrong with a separator, for check_options."""
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0':
        return (
            f"separator {separator!r} must be one ASCII character, neither a quote nor a line end. "
            "Common ones: ',' ';' '|' and, for tabs, \"\\t\" in double quotes."
        )
    return None


def names_are_wrong(*, names: Sequence[str] | None, **_: Any) -> str | None:
    """What is wrong with the names of columns, for check_options."""
    twice = next((name for name in names or () if (names or ()).count(name) > 1), None)
    return f"names has '{twice}' twice." if twice is not None else None


def _lines(path: Path, encoding: str) -> bytes:
    """The file's text as UTF-8 with newlines between its lines."""
    text = decoded(path, content(path), encoding)
    if "\n" not in text:
        text = text.replace("\r", "\n")  # line ends of old Macs, which spreadsheets still offer
    return text.rstrip("\r\n").encode() + b"\n"


def _header(path: Path, data: bytes, separator: str, quotes: bool, names: Sequence[str] | None) -> list[str]:
    """The columns' names."""
    from textforge import DataError

    try:
        _, first = next(_rows(data.decode(), separator, quotes))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if first == [""]:
        empty = "line 1 is empty" if data.strip() else "is empty"
        needed = "; a header line with the columns' names is needed" if names is None else ""
        raise DataError(f"{path}: {empty}{needed}.")
    if names is not None and len(first) != len(names):
        raise DataError(f"{path}: line 1 has {len(first)} columns, but dataset.names has {len(names)} names.")
    return first if names is None else list(names)


def _hint_separator(path: Path, header: list[str], separator: str, wanted: dict[str, str]) -> None:
    from textforge import DataError

    if len(header) > 1 or all(name in header for name in wanted):
        return
    other = next((c for c in ",;\t|" if c != separator and c in header[0]), None)
    if other:
        raise DataError(
            f"{path}: its header is a single column, {header[0]!r}. Are its columns separated by {other!r}? "
            f"Then set dataset.separator: {json.dumps(other)}."
        )


def _bad_row(data: bytes, separator: str, quotes: bool, width: int) -> str:
    """Where a file that polars refuses goes wrong, found by the slower reader that knows lines."""
    try:
        for line, row in _rows(data.decode(), separator, quotes):
            if len(row) > width:
                advice = f"Text that holds a '{separator}' needs quotes: \"…\"." if quotes else ""
                return f"line {line}: {len(row)} columns where the header has {width}. {advice}".rstrip()
    except ValueError as error:
        return str(error)
    return ""


def _field(separator: str, quotes: bool = True) -> str:
    """The regular expression of a field and what ends it: all in quotes, or with pairs of quotes inside."""
    end = rf"({re.escape(separator)}|\r?\n|\Z)"
    if not quotes:
        return rf"((?!))?([^\n{re.escape(separator)}]*+){end}"
    plain = rf'[^"\n{re.escape(separator)}]*+'
    bare = rf'(?!"){plain}(?:"{plain}"{plain})*+'
    return rf'(?:"((?:[^"]++|"")*+)"|({bare})){end}'


def _quotes_fit(data: bytes, separator: str) -> bool:
    return b'"' not in data or re.fullmatch(rf"(?:{_field(separator)})*+".encode(), data) is not None


def _rows(data: str, separator: str, quotes: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the line that it begins on.

    The standard library's reader has a limit on fields that only a global setting changes.

    Raises:
        ValueError: a quote is never closed, or stands where none may; says on which line.
    """
    field = re.compile(_field(separator, quotes))
    place, line, begun, row = 0, 1, 1, []
    while place < len(data) or row:
        found = field.match(data, place)
        if found is None:
            closes = data[place] != '"' or re.compile(r'"(?:[^"]++|"")*+"').match(data, place)
            raise ValueError(
                f"line {line}: a quote inside a text that is not all in quotes. Put quotes around the whole text and "
                'double those inside it: "5"" wide". Where no text is in quotes, set dataset.quotes: false.'
                if closes
                else f'line {line}: a quote is opened here and never closed. Close it, or double it: "5"" wide". '
                "Where no text is in quotes, set dataset.quotes: false."
            )
        row.append(found[2].removesuffix("\r") if found[1] is None else found[1].replace('""', '"'))
        place, line = found.end(), line + found[0].count("\n")
        if found[3] != separator:
            yield begun, row
            begun, row = line, []
