"""Products of ragged rows and a matrix in numpy, for models that are computed without torch."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from textforge.features.ragged import Ragged

LONG = 1000
"""Products per row from which one call of BLAS for each row is faster than one sum over the entries of all rows."""
FEW = 8
"""Number of rows up to which the calls for single rows cost less than preparing a sum over all."""
AT_ONCE = 1 << 20
"""Most products held in memory at the same time, except for a single row that has more."""


def product(rows: Ragged, matrix: NDArray[Any]) -> NDArray[Any]:
    """Sum one row of a matrix per entry of each row, weighted, without making the rows dense.

    Args:
        rows: n rows over n_features features.
        matrix: float32 or float64, shape (n_features, width).

    Returns:
        Array of the matrix's type, shape (n, width).
    """
    n, width = len(rows), matrix.shape[1]
    found = np.zeros((n, width), dtype=matrix.dtype)
    weights = None if rows.weights is None else rows.weights.astype(matrix.dtype, copy=False)
    if n <= FEW or len(rows.indices) * width >= LONG * n:
        starts = rows.offsets.tolist()
        for row, (start, stop) in enumerate(pairwise(starts)):
            taken = matrix.take(rows.indices[start:stop], axis=0)
            if weights is None:
                taken.sum(axis=0, out=found[row])
            else:
                np.dot(weights[start:stop], taken, out=found[row])
        return found
    step = max(1, AT_ONCE * n // max(1, len(rows.indices) * width))
    for first in range(0, n, step):
        offsets = rows.offsets[first : first + step + 1]
        entries = slice(offsets[0], offsets[-1])
        taken = matrix.take(rows.indices[entries], axis=0)
        if weights is not None:
            taken *= weights[entries, None]
        filled = np.flatnonzero(offsets[1:] > offsets[:-1])  # reduceat takes no empty rows
        if len(filled):
            found[first + filled] = np.add.reduceat(taken, offsets[:-1][filled] - offsets[0], axis=0)
    return found
