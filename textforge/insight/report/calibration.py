"""The section of calibration: does a probability of 0.8 mean that 80 % of such answers are right?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.insight.intervals import wilson
from textforge.insight.report.pool import Pool

BINS = 15
"""Number of bins of the reliability diagram (Guo et al. 2017), as in the metric of that name."""
BARS = 20
"""Number of bars in the distribution of confidence."""


def calibration(pool: Pool) -> dict[str, Any] | None:
    """Return the reliability diagram, the expected calibration error, and the distribution of confidence.

    For single labels, an event is an answer, its confidence the probability of that answer, and it is right or wrong.
    For sets of labels, an event is a pair of text and label whose probability was stored, and it is true or not.
    None if no probabilities were stored.
    """
    confidence, true, weights = _events(pool)
    if not len(confidence):
        return None
    place = np.maximum(np.ceil(confidence * BINS).astype(int) - 1, 0)
    n, sums, hits, sizes = (
        np.bincount(place, values, BINS) for values in (None, confidence * weights, true * weights, weights)
    )
    bins = []
    for number in np.flatnonzero(n):
        accuracy = float(hits[number] / sizes[number])
        bins.append({
            "low": float(number / BINS),
            "high": float((number + 1) / BINS),
            "n": int(n[number]),
            "confidence": float(sums[number] / sizes[number]),
            "accuracy": accuracy,
            "interval": [*wilson(round(accuracy * int(n[number])), int(n[number]))],
        })  # fmt: skip
    bar = np.minimum((confidence * BARS).astype(int), BARS - 1)
    return {
        "pairs": pool.multi_label,
        "n": len(confidence),
        "ece": float(np.abs(hits - sums).sum() / sizes.sum()),
        "mean_confidence": float(sums.sum() / sizes.sum()),
        "accuracy": float(hits.sum() / sizes.sum()),
        "bins": bins,
        "histogram": {
            "right": np.bincount(bar[true], minlength=BARS).tolist(),
            "wrong": np.bincount(bar[~true], minlength=BARS).tolist(),
        },
    }


def _events(pool: Pool) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """The confidence, the truth and the weight of each event whose probability was stored, each of shape (events,)."""
    weights = np.ones(len(pool.gold)) if pool.weights is None else pool.weights
    if pool.multi_label:
        confidence, true = pool.probabilities.ravel().astype(np.float64), pool.gold.ravel() > 0
        weights = np.repeat(weights, pool.gold.shape[1])
    else:
        confidence, true = pool.confidence, pool.right
    stored = ~np.isnan(confidence)
    return np.clip(confidence[stored], 0, 1), true[stored], weights[stored]
