"""Metric `mcc`."""

from typing import Any

from textforge_standard.metrics.measuring import Measure, by_label


def mcc() -> Measure:
    """Matthews correlation of gold and predicted classes (Matthews 1975; Gorodkin 2004): 1 is perfect, 0 is chance.

    It is 0 if all texts have one class or are predicted to. With several labels per text it is the mean over labels.
    """
    from sklearn.metrics import matthews_corrcoef

    def correlation(truth: Any, given: Any, weights: Any) -> float:
        constant = (truth == truth[0]).all() or (given == given[0]).all()  # scikit-learn would warn
        return 0.0 if constant else float(matthews_corrcoef(truth, given, sample_weight=weights))

    return by_label(correlation)
