"""Read texts from lines of bytes, plain or JSON; every error message gives the line number."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from textforge.components.rows import ColumnKinds
from textforge.data.given_rows import TEXT, needs, nested_fields, row_of, unread
from textforge.errors import DataError, RecipeError

JSON_LINES = (".jsonl", ".ndjson", ".json")
"""Suffixes of files that are read as JSON lines; the datasets use the same ones."""
TABLES = {
    ".csv": "a CSV", ".tsv": "a TSV", ".tab": "a TSV", ".psv": "a PSV", ".parquet": "a Parquet", ".arrow": "an Arrow",
    ".feather": "an Arrow", ".xlsx": "an Excel", ".xls": "an Excel", ".ods": "an ODS",
}  # fmt: skip
"""Suffixes of files with columns, and the name of the format with its article."""
PACKED = {".gz": "gunzip --keep", ".zst": "zstd -d", ".bz2": "bunzip2 --keep", ".xz": "unxz --keep", ".zip": "unzip"}
"""Suffixes of compressed files, and the commands that unpack them."""
BEGINNINGS = {
    b"\x1f\x8b": "compressed by gzip", b"\x28\xb5\x2f\xfd": "compressed by zstd", b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz", b"PK\x03\x04": "a zip archive or an office file", b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file", b"\xff\xfe": "in UTF-16", b"\xfe\xff": "in UTF-16",
}  # fmt: skip
"""First bytes of files that are not UTF-8 text, and descriptions of their formats."""


MOST_NAMED = 100
"""Number of fields from which on no more that are left out are collected."""
SQLITE = b"SQLite format 3\0"
"""First bytes of an SQLite file."""


@dataclass(frozen=True)
class Unreadable:
    """A placeholder for a line that cannot be read."""

    reason: str
    """A sentence with the line number."""


@dataclass
class JsonFields:
    """What is read from a JSON object beside its text."""

    columns: ColumnKinds = field(default_factory=dict)
    """The columns that texts need, with their kinds."""
    left_out: dict[str, None] = field(default_factory=dict)
    """Names of the other fields that objects had, in the order of their first occurrence."""

    def text_of(self, value: Any) -> str | None:
        """The text of a JSON value, with its columns; None if it has no text.

        Raises:
            ValueError: it lacks a column, or a value does not fit. The message is the end of a sentence.
        """
        fields = value if isinstance(value, dict) else {TEXT: value}
        text = fields.get(TEXT)
        if not isinstance(text, str):
            return None
        if len(self.left_out) < MOST_NAMED:
            self.left_out |= dict.fromkeys(unread(fields, [TEXT, *self.columns]))
        if not self.columns:
            return text
        try:
            return row_of({**fields, **nested_fields(fields, self.columns)}, self.columns, "", text)
        except DataError as error:
            raise ValueError(str(error).strip().removesuffix(".")) from error


def rows_of(lines: Iterable[str], columns: ColumnKinds, place: str = "text {}") -> Iterator[str]:
    """Texts for a classifier that reads columns, each written as a JSON object.

    Args:
        lines: the texts, such as arguments of a command.
        columns: the columns that texts need, with their kinds.
        place: how messages name a text by its number, from 1.

    Raises:
        DataError: a text is no such object, lacks a column, or has a value that does not fit.
    """
    fields = JsonFields(columns)
    for number, line in enumerate(lines, start=1):
        if not line.lstrip().startswith("{"):
            raise DataError(f"{place.format(number)} has no columns. {needs(columns)}")
        try:
            yield _json_text(line, fields)
        except ValueError as error:
            raise DataError(f"{place.format(number)} {error}.") from error


def open_input(path: Path) -> BinaryIO:
    """Open a file of texts for reading bytes.

    Raises:
        RecipeError: the suffix is that of a table or of a compressed file.
        DataError: the file cannot be read.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-1] if suffixes else ""
    inner = suffixes[-2] if last in PACKED and len(suffixes) > 1 else last
    if inner in TABLES:
        raise RecipeError(
            f"{path}: predict does not read {TABLES[inner]} file by its name. Save it as .csv, .tsv, .jsonl or "
            ".parquet, or name the format of a delimited file, as in --input-format csv --set 'separator=|'."
        )
    refuse_database(path)
    if last in PACKED:
        raise RecipeError(f"{path}: is compressed. Decompress it first: {PACKED[last]} {shlex.quote(str(path))}")
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def refuse_database(path: Path) -> None:
    """Refuse an SQLite file, whose first bytes are UTF-8.

    Raises:
        RecipeError: it is one; the message says how to pipe its rows.
    """
    if not path.is_file():
        return
    with suppress(OSError), path.open("rb") as file:
        if file.read(len(SQLITE)) == SQLITE:
            raise RecipeError(
                f"{path}: is an SQLite database, and predict reads files and pipes. Pipe the rows: sqlite3 -csv "
                f"-header {shlex.quote(str(path))} 'select …' | textforge predict RUN --input-format csv"
            )


def read_lines(
    stream: Iterable[bytes], name: str, *, json_lines: bool = False, mark: bool = False
) -> Iterator[str | Unreadable]:
    """Iterate over texts, one per line.

    With `json_lines`, a line is a JSON string or an object with a "text", and blank lines are skipped.

    Raises:
        DataError: as for `read_line_by_line`.
    """
    return (text for text in read_line_by_line(stream, name, json_lines=json_lines, mark=mark) if text is not None)


def read_line_by_line(
    stream: Iterable[bytes],
    name: str,
    *,
    json_lines: bool = False,
    mark: bool = False,
    fields: JsonFields | None = None,
) -> Iterator[str | Unreadable | None]:
    """Like `read_lines`, but yield None for a blank line of JSON, so that each line is yielded when it arrives.

    Args:
        stream: the lines.
        name: the name of the stream, for error messages.
        json_lines: whether each line is JSON.
        mark: whether to yield an `Unreadable` for a line that cannot be read, instead of raising.
        fields: what to read from JSON objects beside their texts.

    Raises:
        DataError: a line is not UTF-8 or not such JSON, and `mark` is False; the message gives the line number. Also,
            whatever `mark` is, if the first line shows that the file is not a text file.
    """
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            if not json_lines:
                yield text
            else:
                yield _json_text(text, fields or JsonFields()) if text.strip() else None
        except ValueError as error:
            reason = error
            if isinstance(error, UnicodeDecodeError):
                if number == 1 and (kind := _binary_format(line)):
                    message = f"{name}: is {kind}; predict reads lines of UTF-8 text. Decompress or convert it."
                    raise DataError(message) from error
                reason = ValueError(f"is not UTF-8: {error.reason}")
            if not mark:
                advice = "Correct the line, or continue past such lines with --on-error mark."
                raise DataError(f"{name}: line {number} {reason}. {advice}") from error
            yield Unreadable(f"line {number} {reason}.")


def _binary_format(line: bytes) -> str | None:
    """Return the format of a file that begins with these bytes, or None if it may be UTF-8 text."""
    return next((kind for begin, kind in BEGINNINGS.items() if line.startswith(begin)), None)


def _json_text(line: str, fields: JsonFields) -> str:
    """Parse a line of JSON and return its text, with columns if it needs some.

    Raises:
        ValueError: the line has no text. The message is the end of a sentence that starts with the line number.
    """
    try:
        value = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        if line.strip() in ("[", "{"):
            raise ValueError("is not JSON: it spans several lines; give one value per line, as jq -c does") from error
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("is not JSON: it is nested too deeply") from error
    text = fields.text_of(value)
    if text is None:
        raise ValueError('is neither a JSON string nor an object with a "text"')
    if re.search("[\ud800-\udfff]", text):
        raise ValueError("has half a character (\\ud...) in its text")
    return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has the key {json.dumps(twice, ensure_ascii=False)} twice")
    return found


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:
        raise ValueError(f"has a whole number of {len(digits.lstrip('-')):,} digits, which is too long") from error


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer)
