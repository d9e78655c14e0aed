"""Choose between a recipe and its challengers: by texts that no search has seen, and by more than noise.

The best of many trials looks better than it is (the winner's curse), because it was selected for its luck, too. So the
finalists are measured on other folds than the search, and a challenger replaces the default only if it is better there
by more than chance explains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""Probability that any challenger that is no better replaces the default; divided by their number (Bonferroni)."""
RESAMPLES = 400


@dataclass(frozen=True)
class Outcomes:
    """The answers of a recipe to the texts of the folds that decide.

    Answers are class numbers, int64 (n,), or 0/1, int64 (n, n_classes).
    """

    gold: NDArray[np.int64]
    chosen: NDArray[np.int64]
    n_classes: int


@dataclass(frozen=True)
class Verdict:
    """How a challenger compares with the default."""

    trial: int
    difference: float
    """Of the metric, in the direction in which more is better."""
    error: float
    """Standard error of the difference."""
    accuracy: float
    """Difference of accuracy."""
    better: bool
    needed: float
    """Number of standard errors by which the difference must be above 0."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def threshold(n_challengers: int) -> float:
    """The number of standard errors above which a difference counts, for so many challengers."""
    return NormalDist().inv_cdf(1 - LEVEL / max(1, n_challengers))


def accuracy_and_macro_f1(outcomes: Outcomes, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Accuracy and macro F1 for each row of weights of the texts; the result has shape (rows, 2).

    Args:
        outcomes: the answers to n texts.
        weights: shape (rows, n).
    """
    if outcomes.gold.ndim == 2:
        right = (outcomes.gold == outcomes.chosen).all(axis=1)
        gold, chosen = outcomes.gold.astype(float), outcomes.chosen.astype(float)
    else:
        right = outcomes.gold == outcomes.chosen
        eye = np.eye(outcomes.n_classes)
        gold, chosen = eye[outcomes.gold], eye[outcomes.chosen]
    hits, support, given = weights @ (gold * chosen), weights @ gold, weights @ chosen
    whole = support + given
    f1 = np.divide(2 * hits, whole, out=np.zeros_like(hits), where=whole > 0)
    counted = np.maximum(1, (whole > 0).sum(axis=1)) if outcomes.gold.ndim == 1 else outcomes.n_classes
    accuracy = weights @ right / np.maximum(weights.sum(axis=1), 1e-12)
    return np.stack([accuracy, f1.sum(axis=1) / counted], axis=1)


def compared(
    default: Outcomes, challenger: Outcomes, seed: int, groups: Sequence[Any] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The differences of accuracy and macro F1 on the same texts, and their standard errors by a paired bootstrap.

    Both are compared on the same resamples of the texts, or of whole groups of them (Efron & Tibshirani 1993).
    """
    n = len(default.gold)
    units = np.arange(n) if groups is None else np.unique(np.asarray(groups, dtype=object), return_inverse=True)[1]
    n_units = int(units.max()) + 1
    generator = np.random.default_rng([seed, 0xB007])
    ones = np.ones((1, n))
    difference = accuracy_and_macro_f1(challenger, ones)[0] - accuracy_and_macro_f1(default, ones)[0]
    rows = []
    for _ in range(RESAMPLES // 50):  # in parts, to bound the memory
        drawn = generator.multinomial(n_units, np.full(n_units, 1 / n_units), size=50)
        weights = drawn[:, units].astype(float)
        rows.append(accuracy_and_macro_f1(challenger, weights) - accuracy_and_macro_f1(default, weights))
    return difference, np.concatenate(rows).std(axis=0, ddof=1)


def verdict(
    trial: int,
    differences: tuple[float, float],
    error: float,
    n_challengers: int,
    *,
    guarded: bool,
) -> Verdict:
    """Judge a challenger.

    Args:
        trial: its number.
        differences: of the metric, in the direction in which more is better, and of accuracy.
        error: standard error of the difference of the metric.
        n_challengers: how many are compared with the default.
        guarded: whether a challenger must not lose accuracy, either.
    """
    needed = threshold(n_challengers)
    difference, accuracy = differences
    clear = difference > 0 and difference >= needed * error and math.isfinite(error)
    return Verdict(trial, difference, error, accuracy, clear and (accuracy >= 0 or not guarded), needed)


def spread_over_folds(values: Sequence[float]) -> float:
    """Standard error of a mean over folds; infinite for one fold.

    Corrected for training texts that folds have in common (Nadeau & Bengio 2003): with k folds, each is trained on
    k times as many texts as it is tested on, apart from those of one fold.
    """
    k = len(values)
    return math.inf if k < 2 else float(np.std(values, ddof=1)) * math.sqrt(1 / k + 1 / k)
