"""Validate texts and labels row by row, and add both to a digest, with weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from itertools import accumulate, chain, islice
from typing import Any, cast

import numpy as np

from textforge.components.rows import kinds_of, values_of
from textforge.data.labels import checked_labels, label_name, label_names
from textforge.data.table_objects import refuse_table, unpacked
from textforge.errors import DataError


def as_texts(texts: Iterable[str], name: str) -> list[str]:
    """Validate texts and return them as a list: a list itself, or the values of an array or a column.

    Raises:
        DataError: an item is not a str, or `texts` is a single str or a table, whose columns the message names.
    """
    return as_column(texts, name, "text", single=" Put it in a list: [text].")


def as_labels(labels: Iterable[Any], name: str) -> list[Any]:
    """Validate labels and return a list of them, or of tuples of them for multi-label data.

    Raises:
        DataError: a label is none (see `textforge.data.labels`), labels are of several types, single labels and sets
            of labels are mixed, or a label cannot be encoded as UTF-8. The message names the row.
    """
    found = _label_rows(labels, name)
    refuse_unencodable({*chain.from_iterable(found)} if are_sets(found) else {*found}, name, found)
    return found


def are_sets(rows: Sequence[Any]) -> bool:
    """Whether validated labels are sets of labels (tuples), as in multi-label data."""
    return len(rows) > 0 and isinstance(rows[0], (tuple, list))


def refuse_unencodable(names: Collection[Any], where: str, rows: Sequence[Any] = ()) -> None:
    """Reject labels that cannot be written to a file, before time is spent on training.

    Args:
        names: the labels.
        where: the split, for the error message.
        rows: the label or labels of each text, for the error message.

    Raises:
        DataError: a label contains a lone surrogate (half of a UTF-16 character), which UTF-8 cannot encode.
    """
    try:
        "".join(label_names(names)).encode()
    except UnicodeEncodeError:
        wrong = min((label_name(name), name) for name in names if re.search("[\ud800-\udfff]", label_name(name)))[1]
        index = next((n for n, row in enumerate(rows) if wrong in (row if isinstance(row, tuple) else (row,))), None)
        place = "" if index is None else f" at index {index}"
        raise DataError(
            f"{where}: the label {label_name(wrong)!a}{place} cannot be written as UTF-8: it has half of a UTF-16 "
            "character, or a byte that is not UTF-8 in a file's name. Correct the label, or rename the folder."
        ) from None


def _label_rows(labels: Iterable[Any], name: str) -> list[Any]:
    refuse_table(labels, name, "label")
    labels = unpacked(labels)
    if not isinstance(labels, (list, str, bytes, Mapping, set, frozenset)) and _iterable(labels):
        labels = list(labels)
    if not isinstance(labels, list):
        as_column(cast("Iterable[str]", labels), name, "label")  # raises
    assert isinstance(labels, list)
    if {*map(type, labels)} <= {str}:  # fast path without a Python loop
        return [*labels]
    if not any(map(_several, labels)):
        return [*checked_labels(labels, name)]
    rows = []
    for index, row in enumerate(labels):
        if not _several(row):
            raise DataError(
                f"{name}: the label at index {index} is {row!r}, but others are lists of labels. "
                "Give a list for every text, an empty list if it has no label."
            )
        rows.append(sorted(row, key=str) if isinstance(row, (set, frozenset)) else list(row))
    every = list(chain.from_iterable(rows))
    _refuse_indicators(rows, every, name)
    if {*map(type, every)} <= {str}:
        return [tuple(dict.fromkeys(row)) for row in rows]
    given = iter(
        checked_labels(every, name, row_of=lambda n: int(np.searchsorted([*accumulate(map(len, rows))], n, "right")))
    )
    return [tuple(dict.fromkeys(islice(given, len(row)))) for row in rows]


def _refuse_indicators(rows: Sequence[Sequence[Any]], labels: Sequence[Any], name: str) -> None:
    """Refuse a matrix of 0 and 1 with a column per label, whose numbers would be taken for labels."""
    numbers = all(isinstance(label, (int, float, np.number, np.bool_)) and label in (0, 1) for label in labels)
    if numbers and {*map(len, rows)} == {len(rows[0])} and len(rows[0]) > 1:
        raise DataError(
            f"{name}: the labels look like a matrix of 0 and 1 with a column for each label. Give the names of each "
            "text's labels, as in ['sport', 'news']."
        )


def _several(label: Any) -> bool:
    """Whether this is a set of labels and not one label: a list, an array, or a polars or pandas column."""
    return _iterable(label) and not isinstance(label, (str, bytes, Mapping, Enum))


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
        DataError: `values` is a table or no sequence of values, or a value is not a str.
    """
    refuse_table(values, name, what)
    if isinstance(values, (str, bytes)) or getattr(values, "ndim", 1) == 0:
        raise DataError(f"{name}: expected a list of {what}s, not a single one.{single}")
    if not isinstance(values, Iterable) or isinstance(values, (set, frozenset, Mapping)):
        raise DataError(f"{name}: expected a list of {what}s, not a {type(values).__name__}.")
    found = values if isinstance(values, list) else list(unpacked(values))
    if {*map(type, found)} <= {str}:  # fast path without a Python loop
        return found
    for index, value in enumerate(found):
        if not isinstance(value, str):
            raise DataError(
                f"{name}: the {what} at index {index} is {value!r}, a {type(value).__name__}, which is not text.{other}"
            )
    return found


def split_digest(texts: Sequence[str], labels: Sequence[Any], weights: Sequence[float] | None = None) -> str:
    """Return the SHA-256, in hexadecimal, of the texts, the labels and the weights of one split, in order."""
    digest = hashlib.sha256()
    add_to_digest(digest, texts, labels)
    if weights is not None:
        add_weights_to_digest(digest, weights)
    return digest.hexdigest()


def add_to_digest(digest: Any, texts: Sequence[str], labels: Sequence[Any]) -> None:
    """Update a hashlib digest with texts and labels, including the length of each, and with the texts' columns."""
    several = are_sets(labels)
    named = [json.dumps(label_names(row), ensure_ascii=False) for row in labels] if several else label_names(labels)
    for column in (texts, named):
        lengths = np.fromiter(map(len, column), dtype="<i8", count=len(column))
        digest.update(lengths.tobytes())
        for start in range(0, len(column), 4096):  # most texts are short: one call per 4,096 of them
            digest.update("".join(column[start : start + 4096]).encode("utf-8", "surrogatepass"))
    if kinds := kinds_of(texts):
        digest.update(f"columns\n{json.dumps({**kinds})}\n".encode())
        for name in kinds:
            digest.update(json.dumps(values_of(texts, name)).encode())


def add_weights_to_digest(digest: Any, weights: Sequence[float]) -> None:
    """Update a hashlib digest with weights per text."""
    digest.update(b"weights\n" + np.asarray(weights, dtype="<f8").tobytes())
