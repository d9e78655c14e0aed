"""Confidence intervals: Wilson's for a proportion, and the bootstrap for any other metric."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Confidence level of every interval."""


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


def wilson(hits: int, n: int, level: float = LEVEL) -> Interval:
    """Return Wilson's score interval for a proportion (Wilson 1927).

    Unlike the normal approximation, it stays within 0 and 1 and covers well for few texts and for shares near 0 or 1.

    Args:
        hits: number of successes, from 0 to `n`.
        n: number of trials, at least 1.
        level: confidence level, between 0 and 1.
    """
    z = normal_quantile((1 + level) / 2)
    share = hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(0.0 if hits == 0 else low, 1.0 if hits == n else high)  # exact, where rounding would not be


def bootstrap_interval(samples: NDArray[np.float64], observed: float, level: float = LEVEL) -> Interval:
    """Return the bias-corrected percentile interval of bootstrap samples (Efron 1981).

    The mean of F1 over many small classes is lower in resamples than in the sample, because some classes lose texts
    that they cannot regain. Without the correction, the interval would be too low by the same amount.

    Args:
        samples: one value per resample, shape (resamples,).
        observed: the value of the sample itself.
        level: confidence level, between 0 and 1.
    """
    below = float((samples < observed).mean() + (samples == observed).mean() / 2)
    below = min(max(below, 0.5 / len(samples)), 1 - 0.5 / len(samples))
    bias, z = NormalDist().inv_cdf(below), normal_quantile((1 + level) / 2)
    ends = [NormalDist().cdf(2 * bias + end) for end in (-z, z)]
    low, high = np.quantile(samples, ends)
    return Interval(float(low), float(high))
