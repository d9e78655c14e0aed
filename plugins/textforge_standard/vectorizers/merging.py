"""Counts of features in parts of the training texts, and their sum over all parts."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from textforge_standard.vectorizers.counting import Frequencies
from textforge_standard.vectorizers.packing import pack, unpack


def packed_counts(vocabulary: Sequence[str], frequencies: Frequencies) -> dict[str, Any]:
    """The frequencies of a vocabulary as arrays and numbers, for `merged_counts`."""
    return {
        **pack(vocabulary),
        "texts_with": frequencies.texts_with,
        "total": frequencies.total,
        "n_texts": int(frequencies.n_texts),
    }


def merged_counts(
    counts: Sequence[dict[str, Any]], order: Callable[[str], Any] | None = None
) -> tuple[list[str], Frequencies]:
    """The joint vocabulary of several parts, sorted, and its frequencies over the texts of all of them.

    Args:
        counts: what `packed_counts` returned for each part.
        order: the sort key of a feature; by default its text.
    """
    numbers: dict[str, int] = {}
    places = [
        np.fromiter((numbers.setdefault(name, len(numbers)) for name in unpack(one)), np.int64, len(one["lengths"]))
        for one in counts
    ]
    sums = np.zeros((2, len(numbers)), dtype=np.int64)
    for one, at in zip(counts, places, strict=True):
        sums[:, at] += one["texts_with"], one["total"]  # a part has each feature once
    vocabulary = sorted(numbers, key=order)
    sums = sums[:, np.fromiter((numbers[name] for name in vocabulary), np.int64, len(vocabulary))]
    return vocabulary, Frequencies(sum(int(one["n_texts"]) for one in counts), *sums)
