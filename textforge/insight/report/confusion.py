"""The section of the confusion matrix."""

from __future__ import annotations

from typing import Any

from textforge.classifiers.confusion import confused, confusion_matrix
from textforge.insight.report.pool import Pool

PAIRS = 15
"""Number of most confused pairs."""


def confusion(pool: Pool) -> dict[str, Any] | None:
    """Return the confusion matrix over the answers of all runs, and its most confused pairs; None for sets of labels.

    `cells` has `[gold class, predicted class, count]` for each non-zero cell; a class is its place in `labels`.
    `share` of a pair is its part of the texts of the gold class.
    """
    if pool.multi_label:
        return None
    cells = [*confused(confusion_matrix(pool.gold, pool.predicted, pool.labels, pool.weights))]
    sizes: dict[int, float] = {}
    for gold, _, count in cells:
        sizes[gold] = sizes.get(gold, 0) + count
    wrong = sorted((cell for cell in cells if cell[0] != cell[1]), key=lambda cell: -cell[2])
    names = pool.names
    pairs = [{"gold": names[gold], "predicted": names[predicted], "texts": count, "share": count / sizes[gold]}
             for gold, predicted, count in wrong[:PAIRS]]  # fmt: skip
    return {
        "labels": names,
        "cells": [[*cell] for cell in cells],
        "pairs": pairs,
        "more_pairs": len(wrong) - len(pairs),
    }
