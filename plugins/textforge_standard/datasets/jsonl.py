"""Dataset `jsonl`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import Files, content, decoded
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.tables import from_files, look_at_files
from textforge_standard.option_groups import with_groups


@with_groups()
def jsonl(seed: int, files: Files, hold_out: HoldOut, columns: Columns, /):
    """JSON Lines: one object a line; a field within a field is named with a dot, as in `meta.label`."""
    return from_files(files, hold_out, columns, seed, read_jsonl)


def read_jsonl(path: Path, wanted: dict[str, str] | None) -> Table:
    """The fields wanted (None: all) of every object; blank lines are skipped.

    Raises:
        DataError: a line is no JSON object, or no object has a field.
    """
    numbers, rows = [], []
    for line, row in _objects(path):
        numbers.append(line)
        rows.append(row)
    names = list(wanted) if wanted is not None else list(dict.fromkeys(name for row in rows for name in _names(row)))
    found = {name: [row[name] if name in row else _within(row, name) for row in rows] for name in names}
    columns = {name: [None if value is _ABSENT else value for value in column] for name, column in found.items()}
    if wanted is not None:
        absent = [name for name, column in found.items() if all(value is _ABSENT for value in column)]
        if absent or not rows:
            look_up(path, list(dict.fromkeys(name for row in rows for name in _names(row))), wanted)
    return Table(path, columns, called="lines {}", numbers=numbers)


_ABSENT = object()


def _within(row: dict[str, Any], name: str) -> Any:
    """The value of a field that is named by its path."""
    value: Any = row
    for step in name.split("."):
        if not isinstance(value, dict) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _names(row: dict[str, Any], lead: str = "") -> Iterator[str]:
    """The paths of all fields."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _names(value, f"{lead}{name}.")
        else:
            yield f"{lead}{name}"


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    from textforge import DataError

    text = decoded(path, content(path), "utf-8")
    if not text.strip():
        raise DataError(f"{path}: is empty; one JSON object a line is needed.")
    halves = "\\ud" in text or "\\uD" in text  # an escape may stand for half a character
    for line, written in enumerate(text.split("\n"), start=1):
        if not written or written.isspace():
            continue
        try:
            row = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {line}: {_not_json(written, error)}") from error
        if not isinstance(row, dict):
            shown = {list: "a list", str: "text", type(None): "null"}.get(type(row), "a number or truth value")
            raise DataError(f'{path}: line {line}: {shown}, not an object such as {{"text": "…", "label": "…"}}.')
        if halves and any("\ud800" <= c <= "\udfff" for c in json.dumps(row, ensure_ascii=False)):
            raise DataError(f"{path}: line {line}: half a character (\\ud…). Repair the text, or take the line out.")
        yield line, row


def _not_json(written: str, error: Exception) -> str:
    """What is wrong with a line, and what the file may be in its stead."""
    if written.strip() in ("[", "{"):
        return "JSON over several lines. JSON Lines holds one whole object a line; convert it, as with jq -c '.[]'."
    column = getattr(error, "colno", 1)
    return f"not JSON: {getattr(error, 'msg', 'nested too deeply')} at column {column}, one object a line is needed."


jsonl.look_at = look_at_files(
    ".jsonl", ".ndjson", ".json", read=lambda path: (read_jsonl(path, None), {}, {}), read_with=read_jsonl
)
