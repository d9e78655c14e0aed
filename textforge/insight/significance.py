"""Tests of the difference between two classifiers on the same texts, and the number of texts that a test needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from textforge.insight.intervals import normal_quantile

ALPHA, POWER = 0.05, 0.8
"""Significance level of every test, and the power for which a number of texts is computed."""


def mcnemar_exact(gained: int, lost: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar 1947).

    Under the null hypothesis each text that only one of two classifiers gets right falls to either with probability
    1/2, so the smaller count is binomial. The p-value is twice the probability of a count as small, at most 1.

    Args:
        gained: texts that only the second classifier gets right.
        lost: texts that only the first classifier gets right.
    """
    n, fewer = gained + lost, min(gained, lost)
    if 2 * fewer >= n - 1:  # the two halves overlap, or meet
        return 1.0
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    k = np.arange(fewer + 1)
    tail = np.exp(logarithms[n] - logarithms[k] - logarithms[n - k] - n * math.log(2)).sum()
    return float(min(1.0, 2 * tail))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for several comparisons by Holm's step-down method (Holm 1979), in the same order.

    A comparison whose adjusted p-value is below 0.05 is significant at a family-wise error rate of 5 %.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda n: p_values[n])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def mean_texts_needed(difference: float, variance: float, *, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Return how many texts a test of a mean difference needs, by the normal approximation.

    Args:
        difference: the difference to find, above 0.
        variance: the variance of the difference of a single text.
        alpha: the significance level of the two-sided test.
        power: the probability with which the test finds the difference.

    Returns:
        The number of texts, or None if the variance is 0: the difference is the same for every text.
    """
    if variance == 0:
        return None
    return math.ceil((normal_quantile(1 - alpha / 2) + normal_quantile(power)) ** 2 * variance / difference**2)


def texts_needed(difference: float, discordant: float, *, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Return how many texts McNemar's test needs to find a difference of accuracy (Connor 1987).

    Args:
        difference: the difference of accuracy to find, above 0.
        discordant: the share of texts that exactly one of the two classifiers gets right. It cannot be smaller than
            the difference, and is raised to it.
        alpha: the significance level of the two-sided test.
        power: the probability with which the test finds the difference.

    Returns:
        The number of texts, or None if no text is discordant: the classifiers do not differ.
    """
    if discordant == 0:
        return None
    discordant = max(discordant, difference)
    at_null = normal_quantile(1 - alpha / 2) * math.sqrt(discordant)
    at_difference = normal_quantile(power) * math.sqrt(discordant - difference**2)
    return math.ceil(((at_null + at_difference) / difference) ** 2)
