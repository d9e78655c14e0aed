"""Predictions as lines of JSON, with the probabilities of all labels or of the most probable ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from textforge.errors import RecipeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from textforge.classifiers.classifier import Classifier

MOST = 20
"""Labels by default."""


def as_limit(probabilities: int | str) -> int | None:
    """How many labels to write at most; None: all.

    Raises:
        RecipeError: it is neither a whole number from 1 nor 'all'.
    """
    if probabilities == "all":
        return None
    text = str(probabilities)
    if isinstance(probabilities, bool) or not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise RecipeError(f"probabilities must be a whole number from 1 or 'all', not {probabilities!r}.")
    return int(text)


def most_probable(
    probabilities: NDArray[np.float32], limit: int | None, also: Sequence[Sequence[int]]
) -> tuple[list[list[int]], list[list[float]]]:
    """For each text the classes to write and their probabilities, most probable first.

    Args:
        probabilities: shape (texts, classes).
        limit: how many classes at most; None: all.
        also: for each text classes that are written however improbable they are.
    """
    import numpy as np  # not before data are loaded

    order = (-probabilities).argsort(axis=1, kind="stable")[:, :limit]
    classes: list[list[int]] = order.tolist()
    values: list[list[float]] = np.take_along_axis(probabilities, order, axis=1).tolist()
    if order.shape[1] < probabilities.shape[1]:
        for row, wanted in enumerate(also):
            for number in sorted({*wanted} - {*classes[row]}, key=lambda n: -probabilities[row, n]):
                classes[row].append(number)
                values[row].append(float(probabilities[row, number]))
    return classes, values


def prediction_lines(
    classifier: Classifier,
    gold: Sequence[Any],
    probabilities: NDArray[np.float32],
    limit: int | None,
    rows: Iterable[int] | None = None,
) -> list[str]:
    """A JSON line for each text: its row, gold and predicted label or labels, and probabilities.

    The labels with a probability are the `limit` most probable ones, the gold and the predicted ones, in the order of
    the classifier's labels.
    """
    predicted, labels = classifier.answers(probabilities), classifier.labels
    number = {label: n for n, label in enumerate(labels)}
    wanted = [[number[label] for label in _each(gold[n]) + _each(predicted[n])] for n in range(len(gold))]
    kept = most_probable(probabilities, limit, wanted)
    lines = []
    for n, (row, *pair) in enumerate(zip(range(len(gold)) if rows is None else rows, *kept, strict=True)):
        by_label = {labels[c]: p for c, p in sorted(zip(*pair, strict=True))}
        line = {"row": row, "gold": gold[n], "predicted": predicted[n], "probabilities": by_label}
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    return lines


def _each(answer: Any) -> list[str]:
    """The labels of a text: one, several, or none where the classifier abstains."""
    return [] if answer is None else [answer] if isinstance(answer, str) else list(answer)
