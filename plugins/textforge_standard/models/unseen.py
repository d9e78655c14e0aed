"""Held-out texts as a vectorizer would give them had it been fitted without them."""

from typing import Any

import numpy as np

from textforge import Ragged

SAME = 1e-3
"""Largest relative difference of lengths that count as equal."""


def as_unseen(held: Any, kept: Any) -> Any:
    """Drop the features of held-out texts that no training text has.

    The vectorizer was fitted to the held-out texts, too. Their rarest n-grams, which no other text has, are features,
    while those of a new text are unknown and dropped. If all texts were scaled to one length, as by tf-idf, what is
    left of each is scaled to it again, so that the scores of held-out and of new texts are distributed alike.

    Args:
        held: features of texts to score; changed only if they are a bag with weights.
        kept: features of the texts that the scoring model was trained on.

    Returns:
        The features of the same texts.
    """
    weights = getattr(held, "weights", None)
    if weights is None:  # vectors, sequences, or counts of 1
        return held
    known = np.zeros(held.n_features, dtype=bool)
    known[kept.indices] = True
    stay = known[held.indices]
    if stay.all():
        return held
    rows = np.repeat(np.arange(len(held)), np.diff(held.offsets))
    squares = weights.astype(np.float64) ** 2
    before = np.bincount(rows, squares, minlength=len(held))
    after = np.bincount(rows[stay], squares[stay], minlength=len(held))
    filled = before[before > 0]
    weights, rows = weights[stay], rows[stay]
    if np.ptp(filled) <= SAME * filled.max():
        weights = weights * np.sqrt(before[rows] / after[rows]).astype(np.float32)
    offsets = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(held)))))
    return Ragged(held.indices[stay], offsets, held.n_features, weights)
