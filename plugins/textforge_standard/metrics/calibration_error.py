"""Metric `expected-calibration-error`."""

from typing import Any

from textforge_standard.declare import declare
from textforge_standard.metrics.measuring import Measure
from textforge_standard.ranges import Count


def expected_calibration_error(*, bins: Count = 15) -> Measure:
    """Expected difference between confidence and accuracy (Guo et al. 2017); smaller is better.

    Texts are sorted into bins of equal width by the probability of their most probable class; each bin compares the
    mean probability with the accuracy. With several labels per text, all pairs of text and label are sorted by the
    label's probability, which is compared with the fraction of pairs that are true.

    Options:
        bins: number of bins between 0 and 1; each includes its upper end.
    """
    import numpy as np

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        if gold.ndim == 2:
            confidence, right = probabilities.ravel(), gold.ravel() > 0
        else:
            confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == gold
        if not len(confidence):
            return None
        confidence = confidence.astype(np.float64)
        place = np.maximum(np.ceil(confidence * bins).astype(int) - 1, 0)
        gap = right - confidence
        each = None if weights is None else np.repeat(weights, len(confidence) // len(gold))
        gaps = np.bincount(place, weights=gap if each is None else gap * each)  # per bin: correct minus expected
        return float(np.abs(gaps).sum() / (len(confidence) if each is None else each.sum()))

    return measure


declare(expected_calibration_error, greater_is_better=False)
