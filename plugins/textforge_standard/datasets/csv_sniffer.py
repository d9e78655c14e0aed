"""How a file of separated values is written, where nobody says: encoding, separator, quotes, header."""

import codecs
import re
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Table
from textforge_standard.datasets.csv_reader import read_separated
from textforge_standard.datasets.files import content
from textforge_standard.datasets.tables import Looked


def read_unknown(path: Path, separators: str) -> Looked:
    """All columns of a file, and the options it needs, with reasons; those with their default are left out.

    Raises:
        DataError: the file cannot be read by any options.
    """
    from textforge import DataError

    data = content(path)
    encoding = _encoding(data)
    options: dict[str, Any] = {"encoding": encoding} if encoding != "utf-8" else {}
    why = {"encoding": "the file is not UTF-8"} if options else {}
    first = data.decode(encoding).removeprefix("\ufeff").lstrip("\r\n").splitlines()[:1]
    separator = max(separators, key=(first or [""])[0].count)  # the first one where none is there
    if separator != separators[0]:
        options["separator"], why["separator"] = separator, "as its first line shows"
    given: dict[str, Any] = {"separator": separator, "encoding": encoding}
    try:
        table = read_separated(path, None, **given)
    except DataError as error:
        given["quotes"] = options["quotes"] = False
        why["quotes"] = "a quote stands where none may"
        try:
            table = read_separated(path, None, **given)
        except DataError:
            raise error from None  # quotes do mean something in this file
    if _no_header(table):
        names = [f"column_{n}" for n in range(1, len(table.columns) + 1)]
        options["names"], why["names"] = names, "the file seems to have no header"
        table = read_separated(path, None, **given, names=names)
    return table, options, why


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _no_header(table: Table) -> bool:
    """Whether the first line holds a number or a text, not names."""
    names = list(table.columns)
    return any(re.fullmatch(r"[-+]?\d+(\.\d+)?", name) or len(name) > 60 for name in names)
