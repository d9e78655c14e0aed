"""Metric `top-k`."""

from typing import Annotated

from annotated_types import Ge


def top_k(*, k: Annotated[int, Ge(1)] = 3):
    """Share of the texts whose class is among the k most probable ones.

    Of equally probable classes the first in the order of the labels is taken, as for predictions. Where a text may
    have several labels, one of them among the k is enough; a text without a label counts as missed.

    Options:
        k: how many classes are looked at.
    """
    import numpy as np

    from textforge_standard.metrics.measuring import sets

    def measure(gold, probabilities):
        truth, _ = sets(gold, probabilities)
        first = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return float(np.take_along_axis(truth, first, axis=1).any(axis=1).mean()) if len(gold) else None

    return measure
