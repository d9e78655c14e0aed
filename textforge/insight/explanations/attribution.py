"""Contributions of the entries of a text's features to the outputs of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.classifier import Classifier
from textforge.components.part import part_name
from textforge.errors import ComponentError
from textforge.features.ragged import Ragged

EXACT, INTEGRATED, DELETED = "exact", "integrated gradients", "deletion"
"""Methods."""
POINTS = (32, 128, 512)
"""Numbers of points at which gradients are taken, one after the other until the gap is small enough."""
SMALL_GAP = 0.01
"""Gap, as a share of the largest change of an output, at which no further points are taken."""
NEVER = -1e20
"""Output below which a class is never the answer; its rounding error alone may be huge."""


@dataclass(frozen=True)
class Attribution:
    """Outputs of a model for one text as a sum: for each explained class, `bias` plus the sum of `values`.

    Args:
        values: float64, shape (entries, explained classes).
        mean: float64, shape (entries,): the mean of the values over all classes of the model.
        bias: float64, shape (all classes,): the outputs for a text without any features.
        method: 'exact', 'integrated gradients' or 'deletion'.
        gap: the largest difference between the sum and the output of the model over the explained classes.
    """

    values: NDArray[np.float64]
    mean: NDArray[np.float64]
    bias: NDArray[np.float64]
    method: str
    gap: float


def attribute(
    classifier: Classifier, row: Ragged, classes: Sequence[int], points: Sequence[int] = POINTS
) -> Attribution | None:
    """Attribute a model's outputs to the entries of one row of features; None if no gradient reaches them.

    A model's own method `explain` comes first, in numpy or in torch. Otherwise come integrated gradients (Sundararajan
    et al. 2017) from a text without words: over the vectors of an `nn.Embedding` that reads the sequence, else over the
    weights of the bag. They equal the exact contributions if the model is linear. Without a torch module there are
    none.

    Args:
        classifier: the classifier.
        row: features of one text.
        classes: numbers of the classes to explain.
        points: numbers of points to take gradients at, one after the other until the gap is small enough.

    Raises:
        ComponentError: the model raised, or its `explain` does not add up to its outputs.
    """
    own = classifier.engine.explain(row)
    if own is None and not classifier.engine.has_module:
        return None
    if own is None:
        from textforge.insight.explanations.gradients import own_contributions

        own = own_contributions(classifier, row)
    outputs = classifier.engine.logits(row)[0].astype(np.float64)
    if own is not None:
        values, bias = own
        if not np.allclose(values.sum(axis=0) + bias, outputs, rtol=1e-3, atol=1e-3):
            who = part_name(classifier.parts.get("model"), "the model")
            raise ComponentError(f"{who}: the contributions and biases of its explain do not add up to its outputs.")
        return Attribution(values[:, [*classes]], values.mean(axis=1), bias, EXACT, _gap(values, bias, outputs))
    from textforge.insight.explanations.gradients import integrated

    found: Attribution | None = None
    for values, mean, bias in integrated(classifier, row, classes, points):
        gap = _gap(values, bias[[*classes]], outputs[[*classes]])
        if found is None or gap < found.gap:
            found = Attribution(values, mean, bias, INTEGRATED, gap)
        if gap <= SMALL_GAP * float(np.abs(outputs - bias)[[*classes]].max(initial=0)) + 1e-6:
            break
    return found


def _gap(values: NDArray[np.float64], bias: NDArray[np.float64], outputs: NDArray[np.float64]) -> float:
    gaps = np.abs(values.sum(axis=0) + bias - outputs)
    return float(gaps[outputs > NEVER].max(initial=0))
