"""Metric `hamming-loss`."""

from typing import Any

from textforge_standard.declare import declare
from textforge_standard.metrics.measuring import Measure, predicted, sets


def hamming_loss() -> Measure:
    """Fraction of pairs of text and label that are wrong (Schapire & Singer 1999); smaller is better.

    A label is predicted if its probability is at least 0.5. With one label per text it is the error rate.
    """

    def measure(gold: Any, probabilities: Any) -> float | None:
        if not len(gold):
            return None
        if gold.ndim == 1:
            return float((gold != predicted(probabilities)).mean())
        truth, given = sets(gold, probabilities)
        return float((truth != given).mean())

    return measure


declare(hamming_loss, greater_is_better=False)
