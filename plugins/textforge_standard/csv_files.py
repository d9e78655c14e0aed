"""Dataset `csv`."""

import io
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
        train: the file to learn from.
        valid: a file to choose epochs by.
        test: a file for the final figures; without it test_fraction of train is held out, stratified.
        test_fraction: fraction of train held out where there is no test file; 0 holds out none.
        text: name of the column of texts.
        label: name of the column of labels; labels are read as text.
        missing: rows without text or without label are an error, or are dropped and counted.
        separator: the character between columns.
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


def _read(
    path: Path, text: str, label: str, missing: str, separator: str, encoding: str, warnings: list[str]
) -> tuple[list[str], list[str]]:
    """Texts and labels of one file."""
    import polars as pl

    from textforge import DataError

    data = _utf8(path, encoding)
    header = _header(path, data, separator)
    for column in (text, label):
        if column not in header:
            from textforge.errors import did_you_mean, listed

            option = "text" if column == text else "label"
            raise DataError(
                f"{path}: there is no column '{column}'. Its columns: {listed(header)}."
                f"{did_you_mean(column, header)} Name it with dataset.{option}."
            )
    try:
        frame = pl.read_csv(
            io.BytesIO(data), columns=list(dict.fromkeys([text, label])), separator=separator, infer_schema=False
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: {_bad_row(data, separator) or str(error).splitlines()[0]}") from error
    texts, labels = (frame[column].fill_null("").to_list() for column in (text, label))
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
    except LookupError as error:
        raise DataError(f"{path}: there is no encoding '{encoding}'. Common ones: utf-8, latin-1, cp1252.") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}: line {line}: byte 0x{data[error.start]:02x} is not {encoding}. Save the file as UTF-8, or name "
            "its encoding with dataset.encoding, for instance latin-1 or cp1252."
        ) from error
    if "\0" in decoded:
        line = decoded.count("\n", 0, decoded.index("\0")) + 1
        raise DataError(
            f"{path}: line {line}: a NUL byte. The file is damaged, binary, or in another encoding (UTF-16?): "
            "export it again, or name its encoding with dataset.encoding."
        )
    return decoded.removeprefix("\ufeff").encode()


def _header(path: Path, data: bytes, separator: str) -> list[str]:
    import csv

    from textforge import DataError

    first = next(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator), None)
    if not first:
        raise DataError(f"{path}: is empty; a header line with the columns' names is needed.")
    return first


def _bad_row(data: bytes, separator: str) -> str:
    """Where a file that polars refuses goes wrong, found by the slower reader that knows lines."""
    import csv

    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True)
    try:
        width = len(next(reader))
        for row in reader:
            if len(row) > width:
                return (
                    f"line {reader.line_num}: {len(row)} columns where the header has {width}. "
                    f"Text that holds a '{separator}' needs quotes: \"…\"."
                )
    except csv.Error as error:
        return f"line {reader.line_num}: {error}."
    return ""


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
