"""Metric `jaccard`."""

from typing import Any, Literal

from textforge_standard.metrics.measuring import Measure, sets


def jaccard(*, average: Literal["samples", "macro", "micro"] = "samples") -> Measure:
    """Number of labels in both gold and prediction, divided by the number in either (Jaccard 1912).

    A label is predicted if its probability is at least 0.5. A text without gold and predicted labels counts as 1; a
    label that no text has in gold or prediction is skipped.

    Options:
        average: mean over texts (samples), mean over labels (macro), or one ratio over all pairs of text and label
            (micro).
    """
    import numpy as np

    def measure(gold: Any, probabilities: Any) -> float | None:
        truth, given = sets(gold, probabilities)
        axis = {"samples": 1, "macro": 0, "micro": None}[average]
        shared, either = (np.atleast_1d(pairs.sum(axis=axis)) for pairs in (truth & given, truth | given))
        if average == "samples":
            shared, either = np.where(either == 0, 1, shared), np.maximum(either, 1)
        counts = either > 0
        return float((shared[counts] / either[counts]).mean()) if counts.any() else None

    return measure
