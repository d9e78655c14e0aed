"""Metric `average-precision`."""

from typing import Any

from textforge_standard.metrics.measuring import Measure, by_class


def average_precision() -> Measure:
    """Mean precision over the ranking of texts by the probability of a class, weighted by the gain in recall.

    It is the unweighted mean over classes, each against the rest, or over labels if a text may have several. A class
    without gold texts is skipped (scikit-learn warns and counts it as 0). Undefined if all classes are skipped.
    """
    from sklearn.metrics import average_precision_score

    def precision(truth: Any, probability: Any, weights: Any) -> float | None:
        return float(average_precision_score(truth, probability, sample_weight=weights)) if truth.any() else None

    return by_class(precision)
