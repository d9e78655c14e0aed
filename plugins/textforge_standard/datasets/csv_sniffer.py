"""Detect the encoding, the separator, the use of quotes and the header of a delimited file."""

import re
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Table
from textforge_standard.datasets.csv_reader import read_separated, separator_line
from textforge_standard.datasets.encodings import UTF_8, detect
from textforge_standard.datasets.files import content
from textforge_standard.datasets.guess import GROUP_NAMES, LABEL_NAMES, TEXT_NAMES, Column
from textforge_standard.datasets.tables import Looked

NAMES = (TEXT_NAMES, GROUP_NAMES, *LABEL_NAMES)


def read_unknown(path: Path, separators: str) -> Looked:
    """Read all columns of a file; return them with the options that differ from the defaults, and reasons.

    Raises:
        DataError: no options can read the file.
    """
    from textforge import DataError

    data = content(path)
    detected = detect(data) or UTF_8  # its reader reports the error
    options: dict[str, Any] = {}
    why: dict[str, str] = {}
    if detected.name != "utf-8":
        options["encoding"], why["encoding"] = detected.name, detected.how_sure
    separator, by = _separator(data.decode(detected.name, "replace"), separators)
    if separator != separators[0]:
        options["separator"], why["separator"] = separator, by
    given: dict[str, Any] = {"separator": separator, "encoding": detected.name}
    try:
        table = read_separated(path, None, **given)
    except DataError as error:
        given["quotes"], why["quotes"] = False, "a quote is misplaced"
        try:
            table = read_separated(path, None, **given)
        except DataError:
            raise error from None  # quotes do have a meaning in this file
    else:
        if table.warnings and (other := _without_quotes(path, given, len(table))):
            table, given["quotes"], why["quotes"] = other, False, "a quote in one row could pair with one in another"
    if "quotes" in given:
        options["quotes"] = False
    if _no_header(table):
        names = [f"column_{n}" for n in range(1, len(table.columns) + 1)]
        options["names"], why["names"] = names, "the file seems to have no header"
        table = read_separated(path, None, **given, names=names)
    return table, options, why


def _separator(text: str, separators: str) -> tuple[str, str]:
    """The separator of the columns, and the reason for choosing it."""
    if said := separator_line(text.encode("utf-8", "replace")):
        return said[0], f"as its first line, sep={said[0]}, declares"
    lines = [line for line in text[: 1 << 16].removeprefix("\ufeff").splitlines() if line][:2]
    for line in lines:  # the first may be a title
        if any(c in line for c in separators):
            return max(separators, key=line.count), "as its first line shows"
    return separators[0], ""


def _without_quotes(path: Path, given: dict[str, Any], n_rows: int) -> Table | None:
    """Read the file with quotes as text; None if that fails or gives no more rows."""
    from textforge import DataError

    try:
        table = read_separated(path, None, **given, quotes=False)
    except DataError:
        return None
    return table if len(table) > n_rows else None


def _no_header(table: Table) -> bool:
    """Whether the first line is data: it has a number or a long text, or repeats a value and has no usual name."""
    columns = [Column(name, values) for name, values in table.columns.items()]
    if any(re.fullmatch(r"[-+]?\d+(\.\d+)?", column.name) or len(column.name) > 60 for column in columns):
        return True
    if any(len(column.name_words) < 4 and any(map(column.named, NAMES)) for column in columns):
        return False
    return len(columns) > 1 and any(column.name in column.values for column in columns)
