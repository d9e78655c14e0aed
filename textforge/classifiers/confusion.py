"""The confusion matrix of a result: dense for few classes, and for many only the cells that hold a text.

A dense matrix grows with the square of the classes: 3,000 of them made 115 MB of JSON around a handful of texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

DENSE = 100
"""Classes up to which every cell is written."""


def confusion_matrix(gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    """How many texts of each class were given each label, as plain values.

    Args:
        gold: class numbers, shape (n,).
        predicted: class numbers, shape (n,).
        labels: the name of each class.

    Returns:
        Up to DENSE classes `{"labels", "rows"}`, a row for each gold class with a count for each predicted one. Above
        that `{"labels", "cells"}`: `[gold class, predicted class, texts]`, classes as positions in `labels` from 0,
        in their order and only where there are texts.
    """
    pairs, counts = np.unique(gold * len(labels) + predicted, return_counts=True)
    cells = np.stack([*np.divmod(pairs, len(labels)), counts], axis=1)
    if len(labels) > DENSE:
        return {"labels": list(labels), "cells": cells.tolist()}
    rows = np.zeros((len(labels), len(labels)), dtype=np.int64)
    rows[cells[:, 0], cells[:, 1]] = cells[:, 2]
    return {"labels": list(labels), "rows": rows.tolist()}


def confused(matrix: Mapping[str, Any]) -> Iterator[tuple[int, int, int]]:
    """The cells of a confusion matrix of either form that hold texts: (gold class, predicted class, texts)."""
    if "cells" in matrix:
        yield from map(tuple, matrix["cells"])
        return
    for gold, row in enumerate(matrix["rows"]):
        yield from ((gold, predicted, texts) for predicted, texts in enumerate(row) if texts)
