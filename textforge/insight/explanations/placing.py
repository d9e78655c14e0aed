"""Bring contributions of features to the words in which they stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textforge.insight.explanations.explanation import FeatureContribution
from textforge.insight.explanations.occurrences import Occurrences
from textforge.insight.explanations.words import Pieces

MOST_FEATURES = 50
"""Most features of an explanation."""


def placed(
    values: NDArray[np.float64], found: Occurrences, words: Pieces, length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share the contribution of each occurrence among its words, by the number of their characters in it.

    An occurrence without a character of a word, such as a mark of the end, belongs to the nearest word.

    Args:
        values: contributions of entries, float64, shape (entries, classes).
        found: the occurrences of the entries.
        words: the words of the text.
        length: the number of characters of the text.

    Returns:
        Contributions of words, shape (words, classes), and those that no word takes, shape (classes,).
    """
    each = values[found.entries] * found.shares[:, None]
    if not len(words):
        return np.zeros((0, values.shape[1])), each.sum(axis=0)
    inside = np.zeros(length + 1, dtype=np.int64)  # for each character, whether it is in a word
    inside[words[:, 0]] += 1
    np.subtract.at(inside, words[:, 1], 1)
    before = np.concatenate(([0], np.cumsum(np.cumsum(inside)[:length])))
    characters = before[found.ends] - before[found.starts]
    # Spread over characters: add at the first and subtract after the last, then sum up along the text.
    with_word = characters > 0
    density = np.zeros((length + 1, values.shape[1]))
    rate = each[with_word] / characters[with_word, None]
    for column in range(values.shape[1]):
        density[:, column] += np.bincount(found.starts[with_word], rate[:, column], length + 1)
        density[:, column] -= np.bincount(found.ends[with_word], rate[:, column], length + 1)
    sums = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(np.cumsum(density, axis=0)[:length], axis=0)))
    shares = sums[words[:, 1]] - sums[words[:, 0]]
    alone = np.flatnonzero(~with_word)
    if len(alone):
        next_one = np.searchsorted(words[:, 0], found.starts[alone])
        nearest = next_one.clip(max=len(words) - 1)
        earlier = (nearest - 1).clip(min=0)
        to_next = np.abs(words[nearest, 0] - found.starts[alone])
        to_earlier = np.abs(found.starts[alone] - words[earlier, 1])
        np.add.at(shares, np.where(to_earlier < to_next, earlier, nearest), each[alone])
    return shares, np.zeros(values.shape[1])


def strongest_features(text: str, values: NDArray[np.float64], found: Occurrences) -> tuple[FeatureContribution, ...]:
    """Return the features with the largest contributions to any class, as the text writes them."""
    order = np.argsort(-np.abs(values).max(axis=1, initial=0), kind="stable")[:MOST_FEATURES]
    counts = np.bincount(found.entries, minlength=len(values))
    first = np.full(len(values), -1)
    first[found.entries[::-1]] = np.arange(len(found.entries))[::-1]
    return tuple(
        FeatureContribution(text[found.starts[first[n]] : found.ends[first[n]]], int(counts[n]), values[n])
        for n in order.tolist()
        if counts[n] and np.abs(values[n]).max(initial=0) > 0
    )


def column_contributions(values: NDArray[np.float64], found: Occurrences) -> tuple[FeatureContribution, ...]:
    """Return the contributions of the features that come from columns, the largest first.

    Args:
        values: contributions of entries, float64, shape (entries, classes).
        found: the occurrences of the entries.
    """
    order = sorted(found.columns, key=lambda entry: -float(np.abs(values[entry]).max(initial=0)))
    return tuple(FeatureContribution(found.columns[entry], 1, values[entry]) for entry in order)
