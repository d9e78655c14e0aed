"""Metric `balanced-accuracy`."""

from typing import Any

from textforge_standard.metrics.measuring import Measure, by_label


def balanced_accuracy(*, adjusted: bool = False) -> Measure:
    """Mean recall over the classes (Brodersen et al. 2010).

    A class without gold texts is skipped. With several labels per text, it is the mean over labels of the mean recall
    of texts with and without the label.

    Options:
        adjusted: rescale so that chance is 0 and perfect is 1; undefined if all texts have one class, and a label that
            all or none of the texts have is skipped.
    """
    import numpy as np

    def recall(truth: Any, given: Any, weights: Any) -> float | None:
        def of_class(one: Any) -> float:
            rows = truth == one
            return float(np.average(given[rows] == one, weights=None if weights is None else weights[rows]))

        right = [of_class(one) for one in np.unique(truth)]
        if not adjusted:
            return sum(right) / len(right)
        chance = 1 / len(right)
        return (sum(right) / len(right) - chance) / (1 - chance) if len(right) > 1 else None

    return by_label(recall)
