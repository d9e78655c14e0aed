"""Metric `hamming-loss`."""

from typing import Any

from textforge_standard.declare import declare
from textforge_standard.metrics.measuring import Measure, mean_over_texts, predicted, sets


def hamming_loss() -> Measure:
    """Fraction of pairs of text and label that are wrong (Schapire & Singer 1999); smaller is better.

    A label is predicted if its probability is at least 0.5. With one label per text it is the error rate.
    """

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        if gold.ndim == 1:
            return mean_over_texts(gold != predicted(probabilities), weights)
        truth, given = sets(gold, probabilities)
        return mean_over_texts(truth != given, weights)

    return measure


declare(hamming_loss, greater_is_better=False)
