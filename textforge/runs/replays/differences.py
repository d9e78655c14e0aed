"""Find the first difference between two files of a run: JSON values, lines of JSON, tensors."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from textforge.classifiers.storage import sha256
from textforge.errors import BundleError, cut

TIMES = ("seconds", "added")
"""Keys whose values differ from run to run: times, and what callbacks add."""


def first_difference(then: Any, now: Any, place: str = "") -> tuple[str, Any, Any] | None:
    """The first place at which two JSON values differ, with both values; None if they are the same.

    Keys that only `now` has are ignored, because an earlier version may not have written them, and so are `TIMES`.
    """
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key, value in then.items():
            if key in TIMES:
                continue
            inner = f"{place}.{key}" if place else str(key)
            if key not in now:
                return inner, value, None
            if (found := first_difference(value, now[key], inner)) is not None:
                return found
        return None
    if isinstance(then, list) and isinstance(now, list):
        for number, (one, other) in enumerate(zip(then, now, strict=False)):
            if (found := first_difference(one, other, f"{place}[{number}]")) is not None:
                return found
        return None if len(then) == len(now) else (place, f"{len(then)} entries", f"{len(now)} entries")
    return None if _equal(then, now) else (place, then, now)


def shown_difference(found: tuple[str, Any, Any]) -> str:
    """A difference in words: `accuracy was 0.94 and is 0.93`."""
    place, then, now = found
    return f"{place} was {_value(then)} and is {_value(now)}"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines.

    Raises:
        BundleError: the file cannot be read, or is damaged.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                found = json.loads(line)
                if not isinstance(found, dict):
                    raise BundleError(f"{path}: damaged: line {number} holds no object.")
                yield found
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path}: damaged: {error}") from error


def differing_predictions(then: Path, now: Path) -> str | None:
    """Compare two files of predictions; None if they are the same.

    Returns:
        The first row that differs, and how many rows have other probabilities and other answers.
    """
    first, rows, answers, largest = None, 0, 0, 0.0
    for one, other in zip_longest(read_lines(then), read_lines(now)):
        if one is None or other is None:
            return "the number of rows differs"
        if first_difference(one, other) is None:
            continue
        rows += 1
        answers += one.get("predicted") != other.get("predicted")
        largest = max(_largest_change(one.get("probabilities"), other.get("probabilities")), largest)
        first = one.get("row", "(unknown)") if first is None else first
    if first is None:
        return None
    changed = f"{answers:,} with another answer" if answers else "all with the same answer"
    gap = "" if math.isnan(largest) else f", probabilities by up to {largest:.2g}"
    return f"first in row {first}; {rows:,} row{'s differ' if rows != 1 else ' differs'}, {changed}{gap}"


def differing_tensors(then: Path, now: Path) -> str | None:
    """Compare two safetensors files, one tensor at a time; None if they hold the same tensors.

    Returns:
        The first tensor that differs, how many of its numbers do, and by how much.

    Raises:
        BundleError: a file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if sha256(then) == sha256(now):
            return None
        with safe_open(str(then), "pt") as one, safe_open(str(now), "pt") as other:
            if only := sorted({*one.keys()} ^ {*other.keys()}):
                return f"'{cut(only[0])}' is in one of them only"
            for name in one.keys():  # noqa: SIM118  (not a mapping)
                before, after = one.get_tensor(name), other.get_tensor(name)
                if before.shape != after.shape or before.dtype != after.dtype:
                    return f"'{cut(name)}' was {_shape(before)} and is {_shape(after)}"
                changed = (before != after) & ~(before.isnan() & after.isnan())
                if not changed.any():
                    continue
                gap = (before.double() - after.double()).abs().nan_to_num(nan=math.inf).max().item()
                share = f"{int(changed.sum()):,} of {before.numel():,} numbers"
                return f"first in '{cut(name)}': {share} differ, by up to {gap:.2g}"
    except (OSError, SafetensorError) as error:
        raise BundleError(f"{then} or {now}: damaged: {error}") from error
    return None


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _value(value: Any) -> str:
    if value is None:
        return "absent"
    return value if isinstance(value, str) else cut(json.dumps(value, ensure_ascii=False))


def _largest_change(then: Any, now: Any) -> float:
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return math.nan
    pairs = [(then[label], now.get(label)) for label in then]
    return max((abs(one - other) for one, other in pairs if _is_number(one) and _is_number(other)), default=math.nan)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _shape(tensor: Any) -> str:
    return f"{'×'.join(map(str, tensor.shape)) or 'a number'} of {str(tensor.dtype).removeprefix('torch.')}"
