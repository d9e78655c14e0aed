"""Detect the encoding, the separator, the use of quotes and the header of a delimited file."""

import re
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Table
from textforge_standard.datasets.csv_oddities import SEPARATORS
from textforge_standard.datasets.csv_reader import read_separated, separator_line
from textforge_standard.datasets.encodings import UTF_8, detect
from textforge_standard.datasets.guess import GROUP_NAMES, LABEL_NAMES, TEXT_NAMES, Column
from textforge_standard.datasets.packed import content
from textforge_standard.datasets.tables import Looked

FIRST_LINES = 50
"""Number of lines that decide which separator a file has."""
MOST_MALFORMED = 0.05
"""Largest fraction of malformed rows that `init` drops."""
QUOTED = re.compile('"(?:[^"]|"")*"')
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
    separator, by = separator_of(data.decode(detected.name, "replace"), separators)
    if separator != separators[0]:
        options["separator"], why["separator"] = separator, by
    given: dict[str, Any] = {"separator": separator, "encoding": detected.name}
    try:
        table = read_separated(path, None, **given)
    except DataError as error:
        try:
            table = read_separated(path, None, **given, quotes=False)
            given["quotes"], why["quotes"] = False, "a quote is misplaced"
        except DataError:
            if (few := _without_malformed(path, given)) is None:
                raise error from None
            table, options["malformed"], given["malformed"] = few, "drop", "drop"
            rows = "1 row has" if few.n_malformed == 1 else f"{few.n_malformed:,} rows have"
            why["malformed"] = f"{rows} more or fewer columns than the header"
    else:
        if table.warnings and (other := _without_quotes(path, given, table)):
            table, given["quotes"], why["quotes"] = other, False, "a quote in one row could pair with one in another"
    if "quotes" in given:
        options["quotes"] = False
    if _no_header(table):
        names = [f"column_{n}" for n in range(1, len(table.columns) + 1)]
        options["names"], why["names"] = names, "the file seems to have no header"
        table = read_separated(path, None, **given, names=names)
    return table, options, why


def separator_of(text: str, separators: str) -> tuple[str, str]:
    """The separator of the columns, and the reason for choosing it."""
    if said := separator_line(text.encode("utf-8", "replace")):
        return said[0], f"as its first line, sep={said[0]}, declares"
    lines = _lines(text)
    if steady := [
        c for c in separators if (count := lines[0].count(c)) and all(line.count(c) == count for line in lines)
    ]:
        return max(steady, key=lines[0].count), "as its first lines show"
    for line in lines[:2]:  # the first may be a title
        if any(c in line for c in separators):
            return max(separators, key=line.count), "as its first line shows"
    return separators[0], ""


def _lines(text: str) -> list[str]:
    """The first lines of a text that are not comments, without quoted fields."""
    plain = QUOTED.sub("", text[: 1 << 16].removeprefix("\ufeff"))
    return [line for line in plain.splitlines() if line.strip() and not line.startswith("#")][:FIRST_LINES] or [""]


def is_table(text: str) -> bool:
    """Whether a text has columns: a header with a usual name, or three or more fields separated by tabs."""
    lines = _lines(text)
    for separator in SEPARATORS:
        count = lines[0].count(separator)
        names = [Column(name, []) for name in lines[0].split(separator)]
        known = any(len(one.name_words) < 4 and any(map(one.named, NAMES)) for one in names)
        steady = all(line.count(separator) == count for line in lines)
        if count and steady and (known or (separator == "\t" and count > 1)):
            return True
    return False


def _without_malformed(path: Path, given: dict[str, Any]) -> Table | None:
    """Read the file without its malformed rows; None if that fails or if there are many."""
    from textforge import DataError

    try:
        table = read_separated(path, None, **given, malformed="drop")
    except DataError:
        return None
    return table if table.n_malformed <= MOST_MALFORMED * len(table) else None


def _without_quotes(path: Path, given: dict[str, Any], table: Table) -> Table | None:
    """Read the file with quotes as text; None if that fails, or if quotes seem to have a meaning in it."""
    from textforge import DataError

    try:
        other = read_separated(path, None, **given, quotes=False)
    except DataError:
        return None
    if len(other) > len(table):
        return other
    values = (value for column in other.columns.values() for value in column)
    in_quotes = any(value and len(value) > 1 and value[0] == value[-1] == '"' for value in values)
    return None if in_quotes or not any("quote" in warning for warning in table.warnings) else other


def _no_header(table: Table) -> bool:
    """Whether the first line is data: it has a number or a long text, or repeats a value and has no usual name."""
    columns = [Column(name, values) for name, values in table.columns.items()]
    if any(re.fullmatch(r"[-+]?\d+(\.\d+)?", column.name) or len(column.name) > 60 for column in columns):
        return True
    if any(len(column.name_words) < 4 and any(map(column.named, NAMES)) for column in columns):
        return False
    return len(columns) > 1 and any(column.name in column.values for column in columns)
