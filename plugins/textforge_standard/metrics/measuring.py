"""Shared by the metrics: predicted classes from probabilities, and means over classes."""

from collections.abc import Callable, Iterable
from typing import Any

Measure = Callable[..., float | None]
"""Computes a metric from gold classes, probabilities, and weights of texts or None; None if it is undefined."""

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


def by_label(figure: Measure) -> Measure:
    """The metric that applies `figure` to gold classes, predicted classes and weights.

    With several labels per text, it is averaged over the labels. Labels for which the figure is undefined are skipped;
    the result is None if it is undefined for all labels.
    """

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        if gold.ndim == 1:
            return figure(gold, predicted(probabilities), weights)
        labels = (probabilities >= THRESHOLD).astype(int)
        return mean(figure(gold[:, n], labels[:, n], weights) for n in range(gold.shape[1]))

    return measure


def by_class(figure: Measure) -> Measure:
    """The metric that averages `figure` of each class's gold membership (bool), probability and weights.

    Classes for which the figure is undefined are skipped, such as a class without gold texts; the result is None if it
    is undefined for all classes.
    """

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        truth, _ = sets(gold, probabilities)
        return mean(figure(truth[:, n], probabilities[:, n], weights) for n in range(probabilities.shape[1]))

    return measure


def mean_over_texts(values: Any, weights: Any) -> float | None:
    """The weighted mean of a value per text, shape (n,) or (n, n_classes); None without texts."""
    import numpy as np

    if not len(values):
        return None
    if weights is None:
        return float(values.mean())
    return float(np.average(values.reshape(len(values), -1).mean(axis=1), weights=weights))


def mean(figures: Iterable[float | None]) -> float | None:
    """The mean of the figures that are not None, or None if there are none."""
    found = [figure for figure in figures if figure is not None]
    return float(sum(found) / len(found)) if found else None
