"""Dataset `csv`."""

import codecs
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt


def csv_files(
    seed: int,
    /,
    *,
    train: Path,
    valid: Path | None = None,
    test: Path | None = None,
    test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.2,
    text: str = "text",
    label: str = "label",
    missing: Literal["error", "drop"] = "error",
    separator: str = ",",
    encoding: str = "utf-8",
):
    """Comma-separated files with a header: one column of texts, one of labels.

    Options:
        train: training file.
        valid: validation file.
        test: test file; without it test_fraction of train is held out, stratified.
        test_fraction: fraction of train held out where there is no test file; 0 holds out none.
        text: name of the column of texts.
        label: name of the column of labels; labels are read as text.
        missing: rows without text or without label are an error, or are dropped and counted.
        separator: the character between columns; one ASCII character.
        encoding: the files' character encoding.
    """
    from textforge import Dataset

    warnings: list[str] = []
    splits: dict[str, Any] = {}
    for name, path in (("train", train), ("valid", valid), ("test", test)):
        if path is not None:
            splits[name] = _read(path, text, label, missing, separator, encoding, warnings)
    if test is None and test_fraction:
        splits |= _hold_out(splits["train"], test_fraction, seed, warnings)
    return Dataset(**splits, warnings=tuple(warnings))


def _fit(*, text: str, label: str, separator: str, encoding: str, **_: Any) -> str | None:
    if text == label:
        return f"text and label both name the column '{text}'; they must differ."
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0':
        return (
            f"separator {separator!r} must be one ASCII character, neither a quote nor a line end. "
            "Common ones: ',' ';' '|' and, for tabs, \"\\t\" in double quotes."
        )
    try:
        "".encode(encoding)
    except (LookupError, ValueError):
        return f"there is no encoding {encoding!r}. Common ones: utf-8, latin-1, cp1252, utf-16."
    return None


csv_files.check_options = _fit


def _read(
    path: Path, text: str, label: str, missing: str, separator: str, encoding: str, warnings: list[str]
) -> tuple[list[str], list[str]]:
    """Texts and labels of one file."""
    import polars as pl

    from textforge import DataError

    data = _utf8(path, encoding)
    header = _header(path, data, separator)
    _look_up(path, header, separator, text=text, label=label)
    if not _quotes_fit(data, separator):  # polars would read on, and could take two rows for one
        raise DataError(f"{path}: {_bad_row(data, separator)}")
    try:
        # by number: polars keeps the quotes of a quoted name
        places = sorted((header.index(text), header.index(label)))
        frame = pl.read_csv(io.BytesIO(data), columns=places, separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: {_bad_row(data, separator) or str(error).splitlines()[0]}") from error
    texts, labels = (
        frame.to_series(places.index(header.index(column))).fill_null("").to_list() for column in (text, label)
    )
    empty = [row for row, pair in enumerate(zip(texts, labels, strict=True)) if not all(map(str.strip, pair))]
    if empty:
        _tell_missing(path, texts, labels, empty, missing, warnings)
        gone = set(empty)
        texts, labels = ([v for row, v in enumerate(column) if row not in gone] for column in (texts, labels))
    if not texts:
        raise DataError(f"{path}: has no row with a text and a label.")
    return texts, labels


def _utf8(path: Path, encoding: str) -> bytes:
    """The file's bytes as UTF-8 without a byte-order mark, found free of NUL bytes."""
    from textforge import DataError

    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    try:
        decoded = data.decode(encoding)
        decoded.encode()  # some odd codecs give halves of characters
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise DataError(
            f"{path}: line {line}: byte 0x{data[error.start]:02x} is not {encoding}. Save the file as UTF-8, or name "
            f"its encoding with dataset.encoding{': utf-16' if marked else ', for instance latin-1 or cp1252'}."
        ) from error
    except (LookupError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read with the encoding {encoding!r}. Common ones: utf-8, latin-1, cp1252."
        ) from error
    if "\0" in decoded:
        line = decoded.count("\n", 0, decoded.index("\0")) + 1
        raise DataError(
            f"{path}: line {line}: a NUL byte. The file is damaged, binary, or in another encoding (UTF-16?): "
            "export it again, or name its encoding with dataset.encoding."
        )
    if "\n" not in decoded:
        decoded = decoded.replace("\r", "\n")  # line ends of old Macs, which spreadsheets still offer
    return decoded.removeprefix("\ufeff").rstrip("\r\n").encode() + b"\n"


def _header(path: Path, data: bytes, separator: str) -> list[str]:
    from textforge import DataError

    try:
        _, first = next(_rows(data.decode(), separator))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if first == [""]:
        empty = "line 1 is empty" if data.strip() else "is empty"
        raise DataError(f"{path}: {empty}; a header line with the columns' names is needed.")
    return first


def _look_up(path: Path, header: list[str], separator: str, **columns: str) -> None:
    """See to it that each column wanted stands in the header once."""
    from textforge import DataError
    from textforge.errors import did_you_mean, listed

    for option, column in columns.items():
        if column not in header:
            other = next((c for c in ",;\t|" if c != separator and len(header) == 1 and c in header[0]), None)
            if other:
                raise DataError(
                    f"{path}: its header is a single column, {header[0]!r}. Are its columns separated by {other!r}? "
                    f"Then set dataset.separator: {json.dumps(other)}."
                )
            raise DataError(
                f"{path}: there is no column '{column}'. Its columns: {listed(header)}."
                f"{did_you_mean(column, header)} Name it with dataset.{option}."
            )
        if header.count(column) > 1:
            raise DataError(f"{path}: {header.count(column)} columns are named '{column}'. Rename all but one.")


def _bad_row(data: bytes, separator: str) -> str:
    """Where a file that polars refuses goes wrong, found by the slower reader that knows lines."""
    rows = _rows(data.decode(), separator)
    try:
        _, header = next(rows)
        for line, row in rows:
            if len(row) > len(header):
                return (
                    f"line {line}: {len(row)} columns where the header has {len(header)}. "
                    f"Text that holds a '{separator}' needs quotes: \"…\"."
                )
    except ValueError as error:
        return str(error)
    return ""


def _field(separator: str) -> str:
    """The regular expression of a field and what ends it: all in quotes, or with pairs of quotes inside."""
    plain = rf'[^"\n{re.escape(separator)}]*+'
    bare = rf'(?!"){plain}(?:"{plain}"{plain})*+'
    return rf'(?:"((?:[^"]++|"")*+)"|({bare}))({re.escape(separator)}|\r?\n|\Z)'


def _quotes_fit(data: bytes, separator: str) -> bool:
    return b'"' not in data or re.fullmatch(rf"(?:{_field(separator)})*+".encode(), data) is not None


def _rows(data: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the line that it begins on.

    The standard library's reader has a limit on fields that only a global setting changes.

    Raises:
        ValueError: a quote is never closed, or stands where none may; says on which line.
    """
    field = re.compile(_field(separator))
    place, line, begun, row = 0, 1, 1, []
    while place < len(data) or row:
        found = field.match(data, place)
        if found is None:
            closes = data[place] != '"' or re.compile(r'"(?:[^"]++|"")*+"').match(data, place)
            raise ValueError(
                f"line {line}: a quote inside a text that is not all in quotes. Put quotes around the whole text and "
                'double those inside it: "5"" wide".'
                if closes
                else f'line {line}: a quote is opened here and never closed. Close it, or double it: "5"" wide".'
            )
        row.append(found[2].removesuffix("\r") if found[1] is None else found[1].replace('""', '"'))
        place, line = found.end(), line + found[0].count("\n")
        if found[3] != separator:
            yield begun, row
            begun, row = line, []


def _tell_missing(
    path: Path, texts: list[str], labels: list[str], empty: list[int], missing: str, warnings: list[str]
) -> None:
    from textforge import DataError
    from textforge.errors import listed

    no_text = sum(not texts[row].strip() for row in empty)
    no_label = sum(not labels[row].strip() for row in empty)
    rows = listed((str(row + 1) for row in empty), limit=8)
    told = f"{path}: {no_text} of {len(texts)} rows have no text, {no_label} no label (rows {rows} after the header)"
    if missing == "error":
        raise DataError(f"{told}. Fill them in, or leave them out with dataset.missing: drop.")
    warnings.append(f"{told}; they were left out.")


def _hold_out(
    split: tuple[list[str], list[str]], fraction: float, seed: int, warnings: list[str]
) -> dict[str, tuple[list[str], list[str]]]:
    """Train without, and test with, a stratified fraction of the rows."""
    import numpy as np

    from textforge.data import stratified_holdout

    texts, labels = split
    _, y = np.unique(np.array(labels, dtype=object), return_inverse=True)
    keep, held = stratified_holdout(y.astype(np.int64), fraction, seed)
    warnings.append(f"no test file: {len(held)} of {len(texts)} rows, stratified by label, are held out for the test.")
    return {
        name: ([texts[row] for row in rows], [labels[row] for row in rows])
        for name, rows in (("train", keep), ("test", held))
    }
