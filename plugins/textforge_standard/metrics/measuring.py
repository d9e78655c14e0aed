"""What the metrics share: answers from probabilities, and means over classes."""

from collections.abc import Callable
from typing import Any

THRESHOLD = 0.5
"""Probability from which a text of several labels is given one."""


def answers(probabilities: Any) -> Any:
    """The most probable class of each text, shape (n,)."""
    return probabilities.argmax(axis=1)


def sets(gold: Any, probabilities: Any) -> tuple[Any, Any]:
    """Gold and given labels as booleans, shape (n, n_classes); a text with one label has a set of one."""
    import numpy as np

    if gold.ndim == 2:
        return gold > 0, probabilities >= THRESHOLD
    classes = np.arange(probabilities.shape[1])
    return gold[:, None] == classes, answers(probabilities)[:, None] == classes


def by_label(gold: Any, probabilities: Any, figure: Callable[[Any, Any], float | None]) -> float | None:
    """A figure of gold and given classes; where a text may have several labels, its mean over the labels.

    Labels for which it is undefined do not count; None where it is undefined for all.
    """
    if gold.ndim == 1:
        return figure(gold, answers(probabilities))
    given = (probabilities >= THRESHOLD).astype(int)
    return mean(figure(gold[:, n], given[:, n]) for n in range(gold.shape[1]))


def by_class(gold: Any, probabilities: Any, figure: Callable[[Any, Any], float | None]) -> float | None:
    """The mean over classes of a figure of who has the class and how probable it is.

    Classes for which it is undefined do not count, such as one that no gold text has; None where it is undefined for
    all.
    """
    truth, _ = sets(gold, probabilities)
    return mean(figure(truth[:, n], probabilities[:, n]) for n in range(probabilities.shape[1]))


def mean(figures: Any) -> float | None:
    """The mean of those that are not None; None where there are none."""
    found = [figure for figure in figures if figure is not None]
    return float(sum(found) / len(found)) if found else None
