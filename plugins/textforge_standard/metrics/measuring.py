"""Shared by the metrics: predicted classes from probabilities, and means over classes."""

from collections.abc import Callable, Iterable
from typing import Any

Measure = Callable[[Any, Any], float | None]
"""Computes a metric from gold classes and probabilities; None if it is undefined."""

THRESHOLD = 0.5
"""Smallest probability at which a label is predicted, if a text may have several."""


def predicted(probabilities: Any) -> Any:
    """The most probable class of each text, shape (n,)."""
    return probabilities.argmax(axis=1)


def sets(gold: Any, probabilities: Any) -> tuple[Any, Any]:
    """Gold and predicted labels as booleans, both of shape (n, n_classes)."""
    import numpy as np

    if gold.ndim == 2:
        return gold > 0, probabilities >= THRESHOLD
    classes = np.arange(probabilities.shape[1])
    return gold[:, None] == classes, predicted(probabilities)[:, None] == classes


def by_label(gold: Any, probabilities: Any, figure: Measure) -> float | None:
    """Apply `figure` to gold and predicted classes; with several labels per text, average it over the labels.

    Labels for which the figure is undefined are skipped; the result is None if it is undefined for all labels.
    """
    if gold.ndim == 1:
        return figure(gold, predicted(probabilities))
    labels = (probabilities >= THRESHOLD).astype(int)
    return mean(figure(gold[:, n], labels[:, n]) for n in range(gold.shape[1]))


def by_class(gold: Any, probabilities: Any, figure: Measure) -> float | None:
    """Apply `figure` to each class's gold membership (bool) and probability, and average it over the classes.

    Classes for which the figure is undefined are skipped, such as a class without gold texts; the result is None if it
    is undefined for all classes.
    """
    truth, _ = sets(gold, probabilities)
    return mean(figure(truth[:, n], probabilities[:, n]) for n in range(probabilities.shape[1]))


def mean(figures: Iterable[float | None]) -> float | None:
    """The mean of the figures that are not None, or None if there are none."""
    found = [figure for figure in figures if figure is not None]
    return float(sum(found) / len(found)) if found else None
