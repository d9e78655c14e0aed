"""Gold labels encoded as numbers, and the treatment of labels that the training data lack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from textforge.components.settings import UnknownLabels
from textforge.data.encoding import are_sets
from textforge.data.labels import (
    PLAIN,
    described_type,
    label_name,
    label_names,
    label_type,
    label_value,
    sorted_labels,
)
from textforge.data.similar_labels import misspelling, same_label
from textforge.data.weights import Weights, refuse_all_zero
from textforge.errors import DataError, RecipeError, listed


@dataclass(frozen=True)
class Labelled:
    """The labels of a split to evaluate on, as they were given, and the weights of its texts.

    Args:
        labels: the label, or the labels, of each text.
        weights: how much each text counts, float64, shape (n,); None if all count equally.
        name: the name of the split, for messages.
    """

    labels: Iterable[Any]
    weights: Weights | None = None
    name: str = "test"


@dataclass(frozen=True)
class Gold:
    """The labels of a split to evaluate on.

    Args:
        y: encoded labels: class numbers, int64, shape (n,), or 0 and 1, float32, shape (n, len(names)).
        labels: the label, or tuple of labels, of each of these n texts.
        names: the known labels in their order, and after them the unknown ones that count as wrong.
        rows: the row numbers of these texts in the split, int64, shape (n,); None if no row is left out.
        unknown: the rows of each unknown label, whether they are left out or count as wrong.
        split: the name of the split, for messages.
        weights: the weight of each of these n texts, float64, shape (n,); None if all count equally.
    """

    y: NDArray[Any]
    labels: Sequence[Any]
    names: tuple[Any, ...]
    rows: NDArray[np.int64] | None = None
    unknown: dict[Any, list[int]] = field(default_factory=dict)
    split: str = "test"
    weights: Weights | None = None

    def figures(self) -> dict[str, Any]:
        """Return the entry `unknown_labels` of a result: treatment and number of texts; empty if none is."""
        if not self.unknown:
            return {}
        counts = {label_name(label): len(rows) for label, rows in self.unknown.items()}
        return {"unknown_labels": {"treated_as": self._treatment, "texts": len(self.unknown_rows), "labels": counts}}

    @property
    def warnings(self) -> list[str]:
        """One warning that lists the unknown labels and their counts; none without unknown labels."""
        if not self.unknown:
            return []
        counts = listed(f"'{label_name(label)}' ({len(rows)})" for label, rows in self.unknown.items())
        n = len(self.unknown_rows)
        texts = "1 text has a label" if n == 1 else f"{n} texts have labels"
        left = {"wrong": "counted as wrong", "drop": "left out"}[self._treatment]
        return [
            f"{self.split}: {texts} that the training data lack, {left} by trainer.unknown_labels: "
            f"{self._treatment}: {counts}.{_misspellings(self.unknown, self.names)}"
        ]

    @property
    def unknown_rows(self) -> set[int]:
        """The rows of the split with an unknown label."""
        return {row for rows in self.unknown.values() for row in rows}

    @property
    def _treatment(self) -> str:
        return "wrong" if self.rows is None else "drop"


def encode_gold(
    labels: Sequence[Any],
    names: Sequence[Any],
    split: str,
    unknown: UnknownLabels = "error",
    weights: Weights | None = None,
) -> Gold:
    """Encode labels, and treat those that are not in `names`.

    Args:
        labels: the label, or tuple of labels, of each text.
        names: the known labels in their order.
        split: the name of the split, for messages.
        unknown: 'error' raises for unknown labels. 'wrong' keeps them as further classes, which are never predicted.
            'drop' leaves out texts with such a label.
        weights: the weight of each text, float64, shape (n,); None if all count equally.

    Raises:
        DataError: a label is unknown and `unknown` is 'error', or no text with a weight above 0 is left. The message
            gives each such label, its count and its first row, and labels that are spelled almost alike.
        RecipeError: `unknown` is none of the three.
    """
    if unknown not in get_args(UnknownLabels):
        raise RecipeError(f"unknown_labels must be 'error', 'wrong' or 'drop', not {unknown!r}.")
    labels, names = _comparable(labels, names, split), tuple(names)
    found = _unknown(labels, names)
    if not found:
        return Gold(_encoded(labels, names), labels, names, split=split, weights=weights)
    if unknown == "error":
        raise DataError(_refusal(found, names, split))
    if unknown == "wrong":
        names = (*names, *sorted_labels(found))
        return Gold(_encoded(labels, names), labels, names, None, found, split, weights)
    left_out = {row for rows in found.values() for row in rows}
    rows = np.array([row for row in range(len(labels)) if row not in left_out], dtype=np.int64)
    if not len(rows):
        raise DataError(
            f"{split}: the training data lack the labels of all {len(labels)} texts, so unknown_labels: drop leaves "
            f"none. Its labels: {listed(label_names(found))}. Known labels: {listed(label_names(names))}."
        )
    labels = [labels[row] for row in rows.tolist()]
    weights = None if weights is None else weights[rows]
    refuse_all_zero(weights, f"{split}, without unknown labels")
    return Gold(_encoded(labels, names), labels, names, rows, found, split, weights)


def encode_labels(labels: Sequence[Any], names: Sequence[Any], split: str) -> NDArray[Any]:
    """Encode labels as class numbers, int64, shape (n,), or sets of labels as 0 and 1, float32, shape (n, len(names)).

    Raises:
        DataError: a label is not in `names`. The message gives each such label, its count and its first row.
    """
    return encode_gold(labels, names, split).y


def _encoded(labels: Sequence[Any], names: Sequence[Any]) -> NDArray[Any]:
    number = {name: n for n, name in enumerate(names)}
    if not are_sets(labels):
        return np.array([*map(number.__getitem__, labels)], dtype=np.int64)
    encoded = np.zeros((len(labels), len(names)), np.float32)
    rows = np.repeat(np.arange(len(labels)), [*map(len, labels)])
    encoded[rows, [*map(number.__getitem__, chain.from_iterable(labels))]] = 1
    return encoded


def _unknown(labels: Sequence[Any], names: Sequence[Any]) -> dict[Any, list[int]]:
    """The rows of each label that is not in `names`."""
    known, several = {*names}, are_sets(labels)
    if {*(chain.from_iterable(labels) if several else labels)} <= known:
        return {}
    found: dict[Any, list[int]] = {}
    for row, given in enumerate(labels):
        for label in given if several else (given,):
            if label not in known:
                found.setdefault(label, []).append(row)
    return found


def _comparable(labels: Sequence[Any], names: Sequence[Any], split: str) -> Sequence[Any]:
    """Return labels as objects of the type of `names`: members of an Enum and their values stand for each other.

    Raises:
        DataError: the types differ otherwise. 1, '1' and True are different labels.
    """
    several, first = are_sets(labels), _first(labels)
    if first is None or (kind := label_type(first)) is (known := label_type(names[0])):
        return labels
    plain = {label_value(name): name for name in names}
    if {kind, known} <= {*PLAIN} or label_type(label_value(first)) is not label_type(next(iter(plain))):
        raise DataError(
            f"{split}: its labels are {described_type(first)}, as {first!r} is, and the known labels are "
            f"{described_type(names[0])}, as {names[0]!r} is. Give labels of the same type."
        )

    def same(label: Any) -> Any:
        return plain.get(label_value(label), label)

    return [tuple(map(same, row)) for row in labels] if several else [*map(same, labels)]


def _first(labels: Sequence[Any]) -> Any:
    return next(chain.from_iterable(labels) if are_sets(labels) else iter(labels), None)


def _refusal(unknown: dict[Any, list[int]], names: Sequence[Any], split: str) -> str:
    lacking = (
        f"'{label_name(label)}' ({len(rows)} times, first in row {rows[0] + 1})" for label, rows in unknown.items()
    )
    known = label_names(names)
    alike = ((label, same_label(label, known)) for label in label_names(unknown)[:20])
    pair = next((f" {label!r} looks like {name!r}: dataset.similar_labels: join or ignore_case merges them."
                 for label, name in alike if name is not None), "")  # fmt: skip
    return (
        f"{split}: labels that the training data lack: {listed(lacking)}. Known labels: {listed(known)}."
        f"{pair or _misspellings(unknown, names)} Correct them, add such texts to the training data, or set "
        "trainer.unknown_labels to wrong (count these texts as wrong) or drop (leave them out)."
    )


def _misspellings(unknown: dict[Any, list[int]], names: Sequence[Any]) -> str:
    """A sentence that lists unknown labels one or two letters away from a known one; empty without such labels."""
    near = partial(misspelling, known=[name for name in label_names(names) if name not in {*label_names(unknown)}])
    found = [(label, *pair) for label in label_names(unknown)[:20] if (pair := near(label))]
    said = (f"'{label}' is {'one letter' if n == 1 else 'two letters'} from '{name}'" for label, name, n in found)
    return f" Likely misspelled: {listed(said, limit=5)}." if found else ""
