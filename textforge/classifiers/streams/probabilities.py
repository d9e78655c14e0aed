"""Format predictions as lines of JSON, with the probabilities of all labels or of the most probable ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from textforge.errors import RecipeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from textforge.classifiers.comparison import Comparison

MOST = 20
"""Default number of labels to output with their probability."""


def as_limit(probabilities: int | str) -> int | None:
    """Return the maximum number of labels to output, or None for 'all'.

    Raises:
        RecipeError: `probabilities` is neither a whole number from 1 nor 'all'.
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
    """Return, for each text, the classes to output and their probabilities, in descending order.

    Args:
        probabilities: float32, shape (texts, classes).
        limit: number of most probable classes; None for all.
        also: class numbers to include for each text even if they are less probable.
    """
    import numpy as np  # imported late, so that commands without data start faster

    order = (-probabilities).argsort(axis=1, kind="stable")[:, :limit]
    classes: list[list[int]] = order.tolist()
    values: list[list[float]] = np.take_along_axis(probabilities, order, axis=1).tolist()
    if order.shape[1] < probabilities.shape[1]:
        for row, wanted in enumerate(also):
            for number in sorted({*wanted} - {*classes[row]}, key=lambda n: -probabilities[row, n]):
                classes[row].append(number)
                values[row].append(float(probabilities[row, number]))
    return classes, values


def prediction_lines(comparison: Comparison, limit: int | None, rows: Sequence[int] | None = None) -> list[str]:
    """Format each text as a line of JSON: row, gold and predicted label or labels, and probabilities.

    If texts have weights, the line also has the weight. The probabilities are those of the `limit` most probable labels
    and of the gold and predicted labels, in the order of the classifier's labels.

    Args:
        comparison: gold labels and probabilities of texts.
        limit: number of most probable labels; None for all.
        rows: the row number of each text of the split; by default from 0.
    """
    from textforge.data.labels import label_names

    classifier, labels, probabilities = comparison.classifier, comparison.gold.labels, comparison.probabilities
    places = range(len(labels)) if comparison.gold.rows is None else comparison.gold.rows.tolist()
    predicted, names = classifier.answers(probabilities), label_names(classifier.labels)
    number = {label: n for n, label in enumerate(classifier.labels)}
    wanted = [
        [number[label] for label in _each(gold) + _each(answer)] for gold, answer in zip(labels, predicted, strict=True)
    ]
    shown = most_probable(probabilities, limit, wanted)
    weights = comparison.gold.weights
    own: Iterable[dict[str, float]] = (
        repeat({}) if weights is None else ({"weight": weight} for weight in weights.tolist())
    )
    lines = []
    for weight, (place, gold, answer, *pair) in zip(
        own, zip(places, labels, predicted, *shown, strict=True), strict=False
    ):
        by_name = {names[c]: p for c, p in sorted(zip(*pair, strict=True))}
        answers = {"gold": _plain(gold), "predicted": _plain(answer), "probabilities": by_name}
        row = place if rows is None else rows[place]
        lines.append(json.dumps({"row": row, **weight, **answers}, ensure_ascii=False) + "\n")
    return lines


def _each(answer: Any) -> list[Any]:
    """Return the labels of a text as a list; it is empty if the classifier abstains."""
    return [] if answer is None else list(answer) if isinstance(answer, (tuple, list)) else [answer]


def _plain(answer: Any) -> Any:
    """Return the label or labels of a text as JSON holds them."""
    if answer is None:
        return None
    from textforge.data.labels import label_value

    return [*map(label_value, answer)] if isinstance(answer, (tuple, list)) else label_value(answer)
