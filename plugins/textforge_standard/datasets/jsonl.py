"""Dataset `jsonl`."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textforge_standard.datasets.blocks import BLOCK, whole_lines
from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import Files, decoded_pieces, pieces, text_of
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import JsonFormat
from textforge_standard.datasets.tables import Format, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups


@with_groups(groups_are_wrong)
def jsonl(seed: int, files: Files, hold_out: HoldOut, columns: Columns, streaming: Streaming, /) -> Any:
    """JSON Lines: one object per line; a dot names a nested field, as in `meta.label`."""
    return Format(read_jsonl, jsonl_blocks).dataset(seed, files, hold_out, columns, streaming)


def read_jsonl(path: Path, wanted: dict[str, str] | None) -> Table:
    """Read the wanted fields (None: all) of every object; skip blank lines.

    Raises:
        DataError: a line is not a JSON object, or no object has a field.
    """
    text = text_of(path, None)
    numbers, rows = _numbered(path, text)
    table, absent = _table(path, numbers, rows, list(wanted) if wanted is not None else all_names(rows))
    _refuse_empty(path, not text.strip())
    if wanted is not None and (absent or not rows):
        look_up(path, all_names(rows), wanted)
    return table


def jsonl_blocks(path: Path, wanted: dict[str, str], *, size: int = BLOCK) -> Iterator[Table]:
    """Yield the rows of `read_jsonl` block by block, so that a file need not fit in memory.

    Raises:
        DataError: a line is not a JSON object, or no object has a field.
    """
    line, empty, lacking, names = 1, True, set(wanted), dict[str, None]()
    for text in whole_lines(path, decoded_pieces(path, pieces(path), None), size):
        numbers, rows = _numbered(path, text, line)
        table, absent = _table(path, numbers, rows, list(wanted))
        line, empty, lacking = line + text.count("\n"), empty and not text.strip(), lacking & absent
        if lacking:
            names |= dict.fromkeys(all_names(rows))
        if rows:
            yield table
    _refuse_empty(path, empty)
    if lacking:
        look_up(path, list(names), wanted)


def _refuse_empty(path: Path, empty: bool) -> None:
    from textforge import DataError

    if empty:
        raise DataError(f"{path}: is empty; each line must be one JSON object.")


def _numbered(path: Path, text: str, line: int = 1) -> tuple[list[int], list[dict[str, Any]]]:
    """The objects of some lines, which start at number `line`, and the line number of each."""
    numbers, rows = [], []
    for number, row in _objects(path, text, line):
        numbers.append(number)
        rows.append(row)
    return numbers, rows


def _table(path: Path, numbers: list[int], rows: list[dict[str, Any]], names: list[str]) -> tuple[Table, set[str]]:
    """The table of these fields, and the fields that no object has."""
    found = {name: [row[name] if name in row else _within(row, name) for row in rows] for name in names}
    absent = {name for name, column in found.items() if all(value is _ABSENT for value in column)}
    columns = {name: [None if value is _ABSENT else value for value in column] for name, column in found.items()}
    return Table(path, columns, called="lines {}", numbers=numbers), absent


def all_names(rows: list[dict[str, Any]]) -> list[str]:
    """The dotted names of all fields of some objects."""
    return list(dict.fromkeys(name for row in rows for name in _names(row)))


_ABSENT = object()


def _within(row: dict[str, Any], name: str) -> Any:
    """The value of a field, given its dotted path."""
    value: Any = row
    for step in name.split("."):
        if not isinstance(value, dict) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _names(row: dict[str, Any], lead: str = "") -> Iterator[str]:
    """Yield the dotted paths of all fields."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _names(value, f"{lead}{name}.")
        else:
            yield f"{lead}{name}"


def _objects(path: Path, text: str, first: int) -> Iterator[tuple[int, dict[str, Any]]]:
    from textforge import DataError

    halves = "\\ud" in text or "\\uD" in text  # an escape may be a lone surrogate
    for line, written in enumerate(text.split("\n"), start=first):
        if not written or written.isspace():
            continue
        try:
            row = object_of(written, halves)
        except ValueError as error:
            raise DataError(f"{path}: line {line}: {error}") from error
        yield line, row


def object_of(written: str, halves: bool = True) -> dict[str, Any]:
    """Parse a line; `halves` looks for lone surrogates.

    Raises:
        ValueError: it is no JSON object; the message is a sentence.
    """
    try:
        row = _parsed(written.strip(WHITE))
    except (ValueError, RecursionError) as error:
        raise ValueError(_not_json(written, error)) from error
    if not isinstance(row, dict):
        shown = {list: "a list", str: "text", type(None): "null"}.get(type(row), "a number or truth value")
        raise ValueError(f'{shown}, not an object such as {{"text": "…", "label": "…"}}.')
    if halves and "\\u" in written and any("\ud800" <= c <= "\udfff" for c in json.dumps(row, ensure_ascii=False)):
        raise ValueError("half a character (\\ud…). Repair the text, or remove the line.")
    return row


def field_of(row: dict[str, Any], name: str) -> Any:
    """The value of a field, by its name or dotted path; None if it is absent."""
    value = row[name] if name in row else _within(row, name)
    return None if value is _ABSENT else value


WHITE = " \t\r"
"""White space that JSON allows within a line."""


class _RepeatedKeyError(ValueError):
    """An object repeats a key; JSON does not define which value counts."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _RepeatedKeyError(next(key for key, count in counts.items() if count > 1))
    return found


_decode = json.JSONDecoder(object_pairs_hook=_object).raw_decode
"""Skipping the search for surrounding white space saves what the hook costs: as fast as `json.loads`."""


def _parsed(written: str) -> Any:
    found, end = _decode(written)
    if end != len(written):
        raise json.JSONDecodeError("Extra data", written, end)
    return found


def _not_json(written: str, error: Exception) -> str:
    """The error message for a line that is not JSON."""
    if isinstance(error, _RepeatedKeyError):
        return f"the key '{error}' occurs twice in one object. Remove or rename one of the two."
    if written.strip() in ("[", "{"):
        return "JSON over several lines. JSON Lines has one object per line; convert it, for example with jq -c '.[]'."
    if isinstance(error, json.JSONDecodeError):
        column = error.colno + len(written) - len(written.lstrip(WHITE))
        return f"not JSON: {error.msg} at column {column}; each line must be one object."
    if isinstance(error, RecursionError):
        return "lists or objects are nested too deeply to read."
    digits = max(map(len, re.findall(r"\d+", written)))
    return f"a whole number of {digits:,} digits, too long to read. Put it in quotes, or leave it out."


declare(
    jsonl,
    streams=streams,
    tables=JsonFormat(),
    look_at=look_at_files(
        ".jsonl", ".ndjson", ".json", read=lambda path: (read_jsonl(path, None), {}, {}), read_with=read_jsonl
    ),
)
