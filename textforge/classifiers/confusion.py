"""The confusion matrix of a result: dense for few classes, only the non-zero cells for many.

A dense matrix grows with the square of the number of classes: 3,000 classes take 115 MB of JSON, even for a
handful of texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.labels import label_value
from textforge.data.weights import Weights

DENSE = 100
"""Largest number of classes for which every cell is written."""


def confusion_matrix(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[Any], weights: Weights | None = None
) -> dict[str, Any]:
    """Count the texts of each pair of gold and predicted class, as plain values.

    Args:
        gold: class numbers, int64, shape (n,).
        predicted: class numbers, int64, shape (n,).
        labels: the label of each class.
        weights: the weight of each text, float64, shape (n,); counts are then sums of weights.

    Returns:
        For up to DENSE classes, `{"labels", "rows"}`: one row per gold class, with a count for each predicted class.
        For more classes, `{"labels", "cells"}`: a sorted list of `[gold class, predicted class, count]` without zero
        counts; a class is its position in `labels`, from 0.
    """
    pairs, of_text = np.unique(gold * len(labels) + predicted, return_inverse=True)
    counts = np.bincount(of_text, weights)
    golds, chosen = np.divmod(pairs, len(labels))
    values = [label_value(label) for label in labels]
    if len(labels) > DENSE:
        cells = zip(golds.tolist(), chosen.tolist(), counts.tolist(), strict=True)
        return {"labels": values, "cells": [*map(list, cells)]}
    rows = np.zeros((len(labels), len(labels)), dtype=counts.dtype)
    rows[golds, chosen] = counts
    return {"labels": values, "rows": rows.tolist()}


def confused(matrix: Mapping[str, Any]) -> Iterator[tuple[int, int, int | float]]:
    """Iterate over the non-zero cells of a confusion matrix of either form: (gold class, predicted class, count).

    A count is a sum of weights if the texts had weights.
    """
    if "cells" in matrix:
        yield from map(tuple, matrix["cells"])
        return
    for gold, row in enumerate(matrix["rows"]):
        yield from ((gold, predicted, texts) for predicted, texts in enumerate(row) if texts)
