"""Metric `jaccard`."""

from typing import Any, Literal

from textforge_standard.metrics.measuring import Measure, mean_over_texts, sets


def jaccard(*, average: Literal["samples", "macro", "micro"] = "samples") -> Measure:
    """Number of labels in both gold and prediction, divided by the number in either (Jaccard 1912).

    A label is predicted if its probability is at least 0.5. A text without gold and predicted labels counts as 1; a
    label that no text has in gold or prediction is skipped.

    Options:
        average: mean over texts (samples), mean over labels (macro), or one ratio over all pairs of text and label
            (micro).
    """
    import numpy as np

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        truth, given = sets(gold, probabilities)
        both = truth & given, truth | given
        if average == "samples":
            shared, either = (pairs.sum(axis=1) for pairs in both)
            return mean_over_texts(np.where(either == 0, 1, shared) / np.maximum(either, 1), weights)
        axis = {"macro": 0, "micro": None}[average]
        each = 1 if weights is None else weights[:, None]
        shared, either = (np.atleast_1d((pairs * each).sum(axis=axis)) for pairs in both)
        counts = either > 0
        return float((shared[counts] / either[counts]).mean()) if counts.any() else None

    return measure
