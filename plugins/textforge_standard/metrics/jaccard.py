"""Metric `jaccard`."""

from typing import Literal


def jaccard(*, average: Literal["samples", "macro", "micro"] = "samples"):
    """Labels that gold and prediction share, divided by those that either has (Jaccard 1912).

    A label is given from a probability of 0.5. A text for which neither has a label counts 1; a label that is on no
    text in either does not count.

    Options:
        average: over texts (samples), over labels (macro), or one quotient of all pairs of text and label (micro).
    """
    import numpy as np

    from textforge_standard.metrics.measuring import sets

    def measure(gold, probabilities):
        truth, given = sets(gold, probabilities)
        axis = {"samples": 1, "macro": 0, "micro": None}[average]
        shared, either = (np.atleast_1d(pairs.sum(axis=axis)) for pairs in (truth & given, truth | given))
        if average == "samples":
            shared, either = np.where(either == 0, 1, shared), np.maximum(either, 1)
        counts = either > 0
        return float((shared[counts] / either[counts]).mean()) if counts.any() else None

    return measure
