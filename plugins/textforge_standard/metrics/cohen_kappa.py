"""Metric `cohen-kappa`."""

from typing import Literal


def cohen_kappa(*, weights: Literal["linear", "quadratic"] | None = None):
    """Agreement of gold and predicted classes beyond chance (Cohen 1960): 1 perfect, 0 chance.

    Undefined where all texts are of one class and are given it. Several labels a text: the mean over the labels.

    Options:
        weights: how the distance of two classes, in the order of the labels, counts; null takes all as equal.
    """
    import numpy as np
    from sklearn.metrics import cohen_kappa_score

    from textforge_standard.metrics.measuring import by_label

    def measure(gold, probabilities):
        classes = np.arange(probabilities.shape[1] if gold.ndim == 1 else 2)

        def kappa(truth, given):
            if len(np.union1d(truth, given)) < 2:
                return None
            return float(cohen_kappa_score(truth, given, labels=classes, weights=weights))

        return by_label(gold, probabilities, kappa)

    return measure
