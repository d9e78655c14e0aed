"""Tables of JSON objects."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Table


def table_of(
    path: Path, numbers: Sequence[int], rows: list[dict[str, Any]], names: list[str], called: str
) -> tuple[Table, set[str]]:
    """Make the table of these fields, and find the fields that no object has; `called` is as in `Table`."""
    found = {name: [row[name] if name in row else _within(row, name) for row in rows] for name in names}
    absent = {name for name, column in found.items() if all(value is _ABSENT for value in column)}
    columns = {name: [None if value is _ABSENT else value for value in column] for name, column in found.items()}
    return Table(path, columns, called=called, numbers=numbers), absent


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


def field_of(row: dict[str, Any], name: str) -> Any:
    """The value of a field, by its name or dotted path; None if it is absent."""
    value = row[name] if name in row else _within(row, name)
    return None if value is _ABSENT else value


def _names(row: dict[str, Any], lead: str = "") -> Iterator[str]:
    """Yield the dotted paths of all fields."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _names(value, f"{lead}{name}.")
        else:
            yield f"{lead}{name}"


WHITE = " \t\r"
"""White space that JSON allows within a line."""


class RepeatedKeyError(ValueError):
    """An object repeats a key; JSON does not define which value counts."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise RepeatedKeyError(next(key for key, count in counts.items() if count > 1))
    return found


decode = json.JSONDecoder(object_pairs_hook=_object).raw_decode
"""Skipping the search for surrounding white space saves what the hook costs: as fast as `json.loads`."""


def parsed(written: str) -> Any:
    found, end = decode(written)
    if end != len(written):
        raise json.JSONDecodeError("Extra data", written, end)
    return found
