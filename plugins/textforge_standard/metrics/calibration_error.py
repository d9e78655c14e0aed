"""Metric `expected-calibration-error`."""

from typing import Annotated

from annotated_types import Ge


def expected_calibration_error(*, bins: Annotated[int, Ge(1)] = 15):
    """How far confidence and accuracy lie apart (Guo et al. 2017); smaller is better.

    Texts are put into bins of equal width by the probability of their most probable class; in each bin the mean
    probability is compared with the share of right answers. Several labels a text: all pairs of a text and a label
    go into the bins by the label's probability, which is compared with the share of pairs that are true.

    Options:
        bins: how many of them between 0 and 1; each holds its upper end.
    """
    import numpy as np

    def measure(gold, probabilities):
        if gold.ndim == 2:
            confidence, right = probabilities.ravel(), gold.ravel() > 0
        else:
            confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == gold
        if not len(confidence):
            return None
        confidence = confidence.astype(np.float64)
        place = np.maximum(np.ceil(confidence * bins).astype(int) - 1, 0)
        gaps = np.bincount(place, weights=right - confidence)  # in each bin: right answers less those expected
        return float(np.abs(gaps).sum() / len(confidence))

    return measure


expected_calibration_error.greater_is_better = False
