"""Dataset `jsonl`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textforge_standard.datasets.blocks import BLOCK, whole_lines
from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import Files, decoded_pieces, text_of
from textforge_standard.datasets.json_objects import WHITE, RepeatedKeyError, all_names, parsed, table_of
from textforge_standard.datasets.packed import pieces
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import JSONL
from textforge_standard.datasets.tables import Format, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

LINES = "lines {}"
"""How messages refer to rows."""


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
    table, absent = table_of(path, numbers, rows, list(wanted) if wanted is not None else all_names(rows), LINES)
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
        table, absent = table_of(path, numbers, rows, list(wanted), LINES)
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
        row = parsed(written.strip(WHITE))
    except (ValueError, RecursionError) as error:
        raise ValueError(_not_json(written, error)) from error
    if not isinstance(row, dict):
        shown = {list: "a list", str: "text", type(None): "null"}.get(type(row), "a number or truth value")
        raise ValueError(f'{shown}, not an object such as {{"text": "…", "label": "…"}}.')
    if halves and "\\u" in written and any("\ud800" <= c <= "\udfff" for c in json.dumps(row, ensure_ascii=False)):
        raise ValueError("half a character (\\ud…). Repair the text, or remove the line.")
    return row


def _not_json(written: str, error: Exception) -> str:
    """The error message for a line that is not JSON."""
    if isinstance(error, RepeatedKeyError):
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
    tables=JSONL,
    look_at=look_at_files(
        ".jsonl", ".ndjson", ".json", read=lambda path: (read_jsonl(path, None), {}, {}), read_with=read_jsonl
    ),
)
