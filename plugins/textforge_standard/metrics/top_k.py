"""Metric `top-k`."""

from typing import Any

from textforge_standard.metrics.measuring import Measure, mean_over_texts, sets
from textforge_standard.ranges import Count


def top_k(*, k: Count = 3) -> Measure:
    """Fraction of texts whose class is among the k most probable classes.

    Ties are broken by the order of the labels, as for predictions. If a text may have several labels, one of them among
    the k is enough; a text without labels counts as wrong.

    Options:
        k: number of most probable classes to consider.
    """
    import numpy as np

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        truth, _ = sets(gold, probabilities)
        first = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return mean_over_texts(np.take_along_axis(truth, first, axis=1).any(axis=1), weights)

    return measure
