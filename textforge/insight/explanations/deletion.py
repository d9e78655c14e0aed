"""Explain any model by deleting words: how much lower is the score of a class without them?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.classifier import Classifier
from textforge.components.rows import Row, kinds_of, with_text
from textforge.insight.explanations.attribution import DELETED, Attribution
from textforge.insight.explanations.explanation import FeatureContribution
from textforge.insight.explanations.words import Pieces

MOST = 400
"""Most deletions for one text; in a longer text, runs of neighbouring words are deleted together."""


def attribute_by_deletion(classifier: Classifier, text: str, words: Pieces, classes: list[int]) -> Attribution:
    """Return the change of the outputs of some classes that deleting each word makes, and then each column.

    The bias is the output for an empty text without values in its columns. The changes need not add up to the output:
    words that say the same may each seem dispensable. `gap` says how far off the sum is.
    """
    size = -(-len(words) // MOST) or 1
    runs = [(int(words[n, 0]), int(words[min(n + size, len(words)) - 1, 1])) for n in range(0, len(words), size)]
    variants = [text, "", *(with_text(text, text[:start] + text[end:]) for start, end in runs), *_without_columns(text)]
    outputs = np.concatenate([
        classifier.engine.logits(classifier.features(variants[n : n + MOST]))
        for n in range(0, len(variants), MOST)
    ]).astype(np.float64)  # fmt: skip
    whole, bias = outputs[:2]
    lengths = [*(min(size, len(words) - n) for n in range(0, len(words), size)), *(1 for _ in kinds_of([text]))]
    values = np.repeat((whole - outputs[2:]) / np.array(lengths).reshape(-1, 1), lengths, axis=0)
    gap = float(np.abs(values.sum(axis=0) + bias - whole)[classes].max(initial=0))
    return Attribution(values[:, classes], values.mean(axis=1), bias, DELETED, gap)


def _without_columns(text: str) -> list[str]:
    """The text without a value in one of its columns, for each of them."""
    if not isinstance(text, Row):
        return []
    values = text.values
    return [Row(text, (*values[:n], None, *values[n + 1 :]), text.kinds) for n in range(len(values))]


def deleted_columns(text: str, values: NDArray[np.float64]) -> tuple[FeatureContribution, ...]:
    """Return the contributions of columns, the largest first.

    Args:
        text: the text with its columns.
        values: float64, shape (columns, classes): the contribution of each column.
    """
    found = []
    for (name, value), own in zip(text.columns.items() if isinstance(text, Row) else (), values, strict=True):
        shown = f"{name}={value}" if isinstance(value, str) else name if value is not None else f"{name} (missing)"
        found.append(FeatureContribution(shown, 1, own))
    return tuple(sorted(found, key=lambda one: -float(np.abs(one.contributions).max(initial=0))))
