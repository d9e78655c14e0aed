"""Metric `roc-auc`."""

from typing import Any

from textforge_standard.metrics.measuring import Measure, by_class


def roc_auc() -> Measure:
    """Probability that a text of a class is ranked above a text of another class (Hanley & McNeil 1982).

    It is the unweighted mean over classes, each against the rest, or over labels if a text may have several. A class
    that all or none of the gold texts have is skipped (scikit-learn returns nan for it). Undefined if all classes are
    skipped.
    """
    from sklearn.metrics import roc_auc_score

    def area(truth: Any, probability: Any, weights: Any) -> float | None:
        if truth.all() or not truth.any():
            return None
        return float(roc_auc_score(truth, probability, sample_weight=weights))

    return by_class(area)
