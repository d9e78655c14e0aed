"""Validate texts and labels row by row, encode labels as numbers, and add both to a digest."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from textforge.data.similar_labels import same_label
from textforge.errors import DataError, listed


def as_texts(texts: Iterable[str], name: str) -> list[str]:
    """Validate texts and return them as a list; a pandas Series, for example, is not indexed by position.

    Raises:
        DataError: an item is not a str, or `texts` is a single str.
    """
    return as_column(texts, name, "text", single=" Put it in a list: [text].")


def as_labels(labels: Iterable[Any], name: str) -> list[Any]:
    """Validate labels and return a list of str, or of tuples of str for multi-label data.

    Raises:
        DataError: a label is not text, single labels and sets of labels are mixed, or a label cannot be encoded
            as UTF-8. The message names the row.
    """
    found = _label_rows(labels, name)
    several = len(found) > 0 and isinstance(found[0], tuple)
    refuse_unencodable({*chain.from_iterable(found)} if several else {*found}, name, found)
    return found


def refuse_unencodable(names: Collection[str], where: str, rows: Sequence[Any] = ()) -> None:
    """Reject labels that cannot be written to a file, before time is spent on training.

    Args:
        names: the labels.
        where: the split, for the error message.
        rows: the label or labels of each text, for the error message.

    Raises:
        DataError: a label contains a lone surrogate (half of a UTF-16 character), which UTF-8 cannot encode.
    """
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        wrong = min(name for name in names if any("\ud800" <= c <= "\udfff" for c in name))
        index = next((n for n, row in enumerate(rows) if wrong in (row if isinstance(row, tuple) else (row,))), None)
        place = "" if index is None else f" at index {index}"
        raise DataError(
            f"{where}: the label {wrong!a}{place} cannot be written as UTF-8: it has half of a UTF-16 character, "
            "or a byte that is not UTF-8 in the name of a file or folder. Correct the label, or rename the folder."
        ) from None


def _label_rows(labels: Iterable[Any], name: str) -> list[Any]:
    if not isinstance(labels, (list, str, bytes, Mapping, set, frozenset)) and _iterable(labels):
        labels = list(labels)
    if isinstance(labels, list) and {*map(type, labels)} == {str}:  # fast path without a Python loop
        return [*labels]
    if not isinstance(labels, list) or not any(map(_several, labels)):
        advice = " Turn labels into text first, as in [str(y) for y in labels]."
        found = as_column(cast("Iterable[str]", labels), name, "label", other=advice)
        return [str(label) for label in found]  # converts numpy.str_ to str
    rows = []
    for index, row in enumerate(labels):
        if not _several(row):
            raise DataError(
                f"{name}: the label at index {index} is {row!r}, but others are lists of labels. "
                "Give a list for every text, an empty list if it has no label."
            )
        names = sorted(row, key=str) if isinstance(row, (set, frozenset)) else list(row)
        if wrong := [label for label in names if not isinstance(label, str)]:
            raise DataError(
                f"{name}: a label at index {index} is {wrong[0]!r}, a {type(wrong[0]).__name__}, which is not text. "
                "Give the names of each text's labels, as in ['sport', 'news']."
            )
        rows.append(tuple(dict.fromkeys(map(str, names))))
    return rows


def _several(label: Any) -> bool:
    """Whether this is a set of labels and not one label: a list, an array, or a polars or pandas column."""
    return _iterable(label) and not isinstance(label, (str, bytes, Mapping))


def _iterable(values: Any) -> bool:
    """Whether values can be iterated over; a zero-dimensional array claims to be iterable but is not."""
    return isinstance(values, Iterable) and getattr(values, "ndim", 1) != 0


def as_column(values: Iterable[str], name: str, what: str, *, single: str = "", other: str = "") -> list[str]:
    """Validate values and return them as a list of str.

    Args:
        values: the column.
        name: where the column belongs, for the error message.
        what: the singular noun for a value, for the error message.
        single: advice to add to the error message for a single str.
        other: advice to add to the error message for a value that is not a str.

    Raises:
        DataError: `values` is not a sequence of values, or a value is not a str.
    """
    if isinstance(values, (str, bytes)) or getattr(values, "ndim", 1) == 0:
        raise DataError(f"{name}: expected a list of {what}s, not a single one.{single}")
    if not isinstance(values, Iterable) or isinstance(values, (set, frozenset, Mapping)):
        raise DataError(f"{name}: expected a list of {what}s, not a {type(values).__name__}.")
    found = values if isinstance(values, list) else list(values)
    if {*map(type, found)} <= {str}:  # fast path without a Python loop
        return found
    for index, value in enumerate(found):
        if not isinstance(value, str):
            raise DataError(
                f"{name}: the {what} at index {index} is {value!r}, a {type(value).__name__}, which is not text.{other}"
            )
    return found


def encode_labels(labels: Sequence[Any], names: Sequence[str], split: str) -> NDArray[Any]:
    """Encode labels as class numbers, int64, shape (n,), or sets of labels as 0 and 1, float32, shape (n, len(names)).

    Raises:
        DataError: a label is not in `names`. The message gives each such label, its count and its first row.
    """
    number = {name: n for n, name in enumerate(names)}
    if len(labels) and {*map(type, labels)} == {str} and None not in (known := [*map(number.get, labels)]):
        return np.array(known, dtype=np.int64)
    several = len(labels) > 0 and not isinstance(labels[0], str)
    encoded = np.zeros((len(labels), len(names)), np.float32) if several else np.empty(len(labels), np.int64)
    unknown: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        for name in label if several else (label,):
            found = number.get(name)
            if found is None:
                unknown.setdefault(name, []).append(row)
            elif several:
                encoded[row, found] = 1
            else:
                encoded[row] = found
    if unknown:
        lacking = (f"'{label}' ({len(rows)} times, first in row {rows[0] + 1})" for label, rows in unknown.items())
        alike = ((label, same_label(label, names)) for label in [*unknown][:20])
        pair = next((f" {label!r} looks like {known!r}: dataset.similar_labels: join or ignore_case merges them."
                     for label, known in alike if known is not None), "")  # fmt: skip
        raise DataError(
            f"{split}: labels that the training data lack: {listed(lacking)}. Known labels: {listed(names)}.{pair} "
            "Correct them, remove those rows, or add such texts to the training data."
        )
    return encoded


def add_to_digest(digest: Any, texts: Sequence[str], labels: Sequence[Any]) -> None:
    """Update a hashlib digest with texts and labels, including the length of each."""
    several = len(labels) > 0 and not isinstance(labels[0], str)
    named = [json.dumps(row, ensure_ascii=False) for row in labels] if several else labels
    for column in (texts, named):
        lengths = np.fromiter(map(len, column), dtype="<i8", count=len(column))
        digest.update(lengths.tobytes())
        for start in range(0, len(column), 4096):  # most texts are short: one call per 4,096 of them
            digest.update("".join(column[start : start + 4096]).encode("utf-8", "surrogatepass"))
