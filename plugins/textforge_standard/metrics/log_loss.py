"""Metric `log-loss`."""

from typing import Any

from textforge_standard.declare import declare
from textforge_standard.metrics.measuring import Measure, mean_over_texts


def log_loss() -> Measure:
    """Mean of -ln(probability of the gold class) (Good 1952); smaller is better.

    Probabilities are clipped from below to float32's epsilon (1.2e-7). With several labels per text it is the mean over
    texts and labels of the binary log loss.
    """
    import numpy as np

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        if gold.ndim == 2:
            truth = np.where(gold > 0, probabilities, 1 - probabilities.astype(np.float64))
        else:
            truth = probabilities[np.arange(len(gold)), gold]
        least = float(np.finfo(np.float32).eps)
        return mean_over_texts(-np.log(np.clip(truth.astype(np.float64), least, 1)), weights)

    return measure


declare(log_loss, greater_is_better=False)
