"""Metric `brier`."""

from typing import Any

from textforge_standard.declare import declare
from textforge_standard.metrics.measuring import Measure, mean_over_texts, sets


def brier() -> Measure:
    """Mean squared error of the probabilities (Brier 1950); smaller is better.

    Errors are summed over the classes, so it ranges from 0 to 2; with two classes it is half the sum, as usual for
    binary outcomes. With several labels per text it is the mean over texts and labels.
    """

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        truth, _ = sets(gold, probabilities)
        squares = (probabilities.astype(float) - truth) ** 2
        each = squares if gold.ndim == 2 or squares.shape[1] == 2 else squares.sum(axis=1)
        return mean_over_texts(each, weights)

    return measure


declare(brier, greater_is_better=False)
