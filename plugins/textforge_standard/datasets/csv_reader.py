"""Files of separated values read exactly, or refused with the line that is wrong."""

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from textforge_standard.datasets.blocks import BLOCK, whole_rows
from textforge_standard.datasets.columns import Table, look_up
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
    """The columns wanted (None: all) of a file with a header, or with columns that have the `names`.

    Raises:
        DataError: the file cannot be read, is damaged, or lacks a column.
    """
    data = _lines(path, encoding)
    header = _header(path, data, separator, quotes, names)
    if wanted is None:
        wanted = {name: name for name in header if header.count(name) == 1}
    _hint_separator(path, header, separator, wanted)
    look_up(path, header, wanted)
    columns = _columns(path, data, header, wanted, separator, quotes, has_header=names is None)
    return Table(path, columns, called=_called(names))


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
    """The rows of `read_separated`, some after the other, so that a file need not fit in memory.

    Raises:
        DataError: the file cannot be read, is damaged, lacks a column, or a row is too long.
    """
    header: list[str] = []
    line = row = 1
    for block in whole_rows(path, decoded_pieces(path, pieces(path), encoding), quotes, size):
        data = block.encode()
        has_header = not header and names is None
        if not header:
            header = _header(path, data, separator, quotes, names)
            _hint_separator(path, header, separator, wanted)
            look_up(path, header, wanted)
        columns = _columns(path, data, header, wanted, separator, quotes, has_header=has_header, line=line)
        numbers = range(row, row + len(next(iter(columns.values()))))
        line, row = line + block.count("\n"), numbers.stop
        yield Table(path, columns, called=_called(names), numbers=numbers)


def _called(names: Sequence[str] | None) -> str:
    return "rows {} after the header" if names is None else "rows {}"


def _columns(
    path: Path,
    data: bytes,
    header: list[str],
    wanted: Iterable[str],
    separator: str,
    quotes: bool,
    *,
    has_header: bool,
    line: int = 1,
) -> dict[str, list[str | None]]:
    """The columns wanted of rows, with or without the header before them, that begin on a line of the file."""
    import polars as pl

    from textforge import DataError

    if quotes and not _quotes_fit(data, separator):  # polars would read on, and could take two rows for one
        raise DataError(f"{path}: {_bad_row(data, separator, quotes, len(header), line)}")
    numbers = {name: header.index(name) for name in wanted}
    places = sorted({*numbers.values()})
    headed = data if has_header else separator.join(map(str, range(len(header)))).encode() + b"\n" + data
    try:
        # by number: polars keeps the quotes of a quoted name
        frame = pl.read_csv(
            io.BytesIO(headed),
            columns=places,
            separator=separator,
            infer_schema=False,
            quote_char='"' if quotes else None,
        )
    except pl.exceptions.PolarsError as error:
        bad = _bad_row(data, separator, quotes, len(header), line) or str(error).splitlines()[0]
        raise DataError(f"{path}: {bad}") from error
    return {name: frame.to_series(places.index(place)).to_list() for name, place in numbers.items()}


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
    text = text_of(path, encoding)
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


def _bad_row(data: bytes, separator: str, quotes: bool, width: int, line: int = 1) -> str:
    """Where a file that polars refuses goes wrong, found by the slower reader that knows lines."""
    try:
        for at, row in _rows(data.decode(), separator, quotes, line):
            if len(row) > width:
                advice = f"Text that holds a '{separator}' needs quotes: \"…\"." if quotes else ""
                return f"line {at}: {len(row)} columns where the header has {width}. {advice}".rstrip()
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


def _rows(data: str, separator: str, quotes: bool, line: int = 1) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the line that it begins on; the first begins on `line`.

    The standard library's reader has a limit on fields that only a global setting changes.

    Raises:
        ValueError: a quote is never closed, or stands where none may; says on which line.
    """
    field = re.compile(_field(separator, quotes))
    place, begun, row = 0, line, []
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
