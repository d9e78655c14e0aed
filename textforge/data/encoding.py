"""Texts and labels as lists, every row checked; labels as numbers; both as a digest."""

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
    """Texts as a list, each found to be text. Indexing what was given may mean something else (pandas).

    Raises:
        DataError: one of them is not text, or a single str stands where many are wanted.
    """
    return as_column(texts, name, "text", single=" Put it in a list: [text].")


def as_labels(labels: Iterable[Any], name: str) -> list[Any]:
    """Labels as a list of str or, where there are several a text, of tuples of str.

    Raises:
        DataError: one of them is neither, some are single and others not, or UTF-8 cannot hold one; names the row.
    """
    found = _label_rows(labels, name)
    several = len(found) > 0 and isinstance(found[0], tuple)
    refuse_unencodable({*chain.from_iterable(found)} if several else {*found}, name, found)
    return found


def refuse_unencodable(names: Collection[str], where: str, rows: Sequence[Any] = ()) -> None:
    """Refuse labels that no file could hold, before any training is lost with them.

    Args:
        names: the labels.
        where: the split, for the message.
        rows: the label or labels of each text, for the message.

    Raises:
        DataError: a label has a lone surrogate, half of a UTF-16 character, which UTF-8 cannot encode.
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
    if isinstance(labels, list) and {*map(type, labels)} == {str}:  # the common case at the speed of C
        return [*labels]
    if not isinstance(labels, list) or not any(map(_several, labels)):
        advice = " Turn labels into text first, as in [str(y) for y in labels]."
        found = as_column(cast("Iterable[str]", labels), name, "label", other=advice)
        return [str(label) for label in found]  # numpy's text becomes Python's
    rows = []
    for index, row in enumerate(labels):
        if not _several(row):
            raise DataError(
                f"{name}: the label at index {index} is {row!r}, where others are lists of labels. "
                "Give a list for every text, an empty one where a text has no label."
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
    """Whether this is a set of labels rather than one: a list, or an array or column of polars or pandas."""
    return _iterable(label) and not isinstance(label, (str, bytes, Mapping))


def _iterable(values: Any) -> bool:
    """Whether values can be taken one by one; an array of no dimension only says so."""
    return isinstance(values, Iterable) and getattr(values, "ndim", 1) != 0


def as_column(values: Iterable[str], name: str, what: str, *, single: str = "", other: str = "") -> list[str]:
    """Values as a list of str; `single` and `other` are advice for a lone str, and for what is no str."""
    if isinstance(values, (str, bytes)) or getattr(values, "ndim", 1) == 0:
        raise DataError(f"{name}: expected a list of {what}s, not a single one.{single}")
    if not isinstance(values, Iterable) or isinstance(values, (set, frozenset, Mapping)):
        raise DataError(f"{name}: expected a list of {what}s, not a {type(values).__name__}.")
    found = values if isinstance(values, list) else list(values)
    if {*map(type, found)} <= {str}:  # the common case at the speed of C
        return found
    for index, value in enumerate(found):
        if not isinstance(value, str):
            raise DataError(
                f"{name}: the {what} at index {index} is {value!r}, a {type(value).__name__}, which is not text.{other}"
            )
    return found


def encode_labels(labels: Sequence[Any], names: Sequence[str], split: str) -> NDArray[Any]:
    """Labels as class numbers, int64, shape (n,); sets of labels as 0 and 1, float32, shape (n, len(names)).

    Raises:
        DataError: a label is not among `names`; says which, how often, and where first.
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
        told = listed(f"'{label}' ({len(rows)} times, first in row {rows[0] + 1})" for label, rows in unknown.items())
        alike = ((label, same_label(label, names)) for label in [*unknown][:20])
        pair = next((f" {label!r} looks like {known!r}: dataset.similar_labels: join or ignore_case makes them one."
                     for label, known in alike if known is not None), "")  # fmt: skip
        raise DataError(
            f"{split}: labels that the training data lack: {told}. Known labels: {listed(names)}.{pair} "
            "Correct them, take those rows out, or add such texts to the training data."
        )
    return encoded


def add_to_digest(digest: Any, texts: Sequence[str], labels: Sequence[Any]) -> None:
    """Let a hash of hashlib's take in texts and their labels, and where each of them ends."""
    several = len(labels) > 0 and not isinstance(labels[0], str)
    named = [json.dumps(row, ensure_ascii=False) for row in labels] if several else labels
    for column in (texts, named):
        lengths = np.fromiter(map(len, column), dtype="<i8", count=len(column))
        digest.update(lengths.tobytes())
        for start in range(0, len(column), 4096):  # one call for many: most texts are short
            digest.update("".join(column[start : start + 4096]).encode("utf-8", "surrogatepass"))
