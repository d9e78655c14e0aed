"""Warnings about trainer settings that harm training on the data at hand, although they suit other data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.settings import TrainerSettings
from textforge.data.encoding import are_sets
from textforge.data.labels import label_names
from textforge.errors import listed
from textforge.features.ragged import Features, Ragged
from textforge.training.budget import Budget

BLOCKS = (
    "the labels of the training texts come in blocks, and trainer.shuffle: false keeps this order in every epoch, so "
    "that the model forgets one label while it learns the next. Set trainer.shuffle: true."
)
CHUNKS = (
    "the chunks of the training stream have different labels. The texts of a chunk are trained on together, so that "
    "the model forgets one label while it learns the next. Assign texts to chunks at random."
)
WINDOW = 4
"""Batches over which labels must mix. On three newsgroups, blocks of one batch cost nothing, of two 10 points."""
BLOCKED = 0.2
"""Largest harmless share of the labels' variance between such windows: 0 in random order, 1 in sorted data."""
MOST_PARTS = 16
"""Most parts of a chunk whose labels are counted separately. Bounds memory."""
FEW_STEPS = 30
"""A training of fewer steps than this gets a warning if each of its epochs is a single step."""
LEFT_OUT = 0.1
"""Share of the texts that `drop_last` may leave out of every epoch without a warning."""
FEATURELESS = 0.05
"""Share of the texts that may have no feature without a warning."""


def order_warnings(y: NDArray[Any], labels: Sequence[Any], settings: TrainerSettings) -> Iterator[str]:
    """Yield sentences about settings of the order of the texts and of the size of batches.

    Args:
        y: encoded labels in the order of the training texts: class numbers, or a 0/1 matrix.
        labels: the classes.
        settings: the settings to check.
    """
    budget = Budget(len(y), settings)
    n, trained, steps = budget.n_texts, budget.texts_per_epoch, budget.updates
    step = settings.batch_size * settings.accumulate
    if step >= trained and steps < FEW_STEPS:
        setting = "trainer.batch_size" if settings.accumulate == 1 else "trainer.batch_size or accumulate"
        yield (
            f"each epoch is a single step of {trained} texts, so training takes {steps} "
            f"{'step' if steps == 1 else 'steps'} in all, which may be too few to learn. Make {setting} smaller, or "
            "trainer.epochs larger."
        )
    if settings.shuffle:
        return
    if step < n and comes_in_blocks(y, np.arange(n) // min(WINDOW * step, -(-n // 2))):
        yield BLOCKS
    if trained < n:
        counts, lost = (rows.sum(axis=0) if y.ndim == 2 else np.bincount(rows, minlength=len(labels))
                        for rows in (y, y[trained:]))  # fmt: skip
        missed = [label_names(labels)[number] for number in np.flatnonzero(lost > counts / 2).tolist()]
        if missed or n - trained > LEFT_OUT * n:
            most = f", among them most texts of: {listed(missed, limit=5)}" if missed else ""
            yield (
                f"trainer.drop_last with shuffle: false leaves the last {n - trained} of {n} training texts out of "
                f"every epoch{most}. Set trainer.drop_last: false or trainer.shuffle: true."
            )


class ChunkLabels:
    """Counts the labels of each chunk of a stream, or of parts of it if the order within chunks is kept.

    Args:
        settings: only batch_size, accumulate and shuffle are used.
    """

    def __init__(self, settings: TrainerSettings) -> None:
        self._settings = settings
        self._counts: list[Mapping[Any, int]] = []

    def add(self, labels: Sequence[Any]) -> None:
        """Count the labels of the next chunk."""
        step = self._settings.batch_size * self._settings.accumulate
        parts = 1 if self._settings.shuffle else min(MOST_PARTS, max(1, len(labels) // (WINDOW * step)))
        size = max(1, -(-len(labels) // parts))
        for part in (labels[start : start + size] for start in range(0, len(labels), size)):
            self._counts.append(Counter(chain.from_iterable(part) if are_sets(part) else part))

    def warnings(self) -> Iterator[str]:
        """Yield a sentence if the chunks have different labels; see `chunk_warnings`."""
        return chunk_warnings(self._counts, shuffle=self._settings.shuffle)


def chunk_warnings(counts: Sequence[Mapping[Any, int]], *, shuffle: bool) -> Iterator[str]:
    """Yield a sentence if the chunks of a stream, or parts of them in their order, have different labels.

    Args:
        counts: the number of texts per label, for each chunk or part in order.
        shuffle: whether chunks are in random order, and texts within each chunk.
    """
    if len(counts) < 2:
        return
    names = sorted({label for one in counts for label in one}, key=lambda label: label_names([label]))
    table = np.array([[one.get(label, 0) for label in names] for one in counts])
    y, chunk = np.tile(np.arange(len(names)), len(counts)), np.repeat(np.arange(len(counts)), len(names))
    if _blocked(table[chunk, y], y, chunk):
        yield CHUNKS if shuffle else BLOCKS


def feature_warnings(features: Features, texts: Sequence[str], who: str) -> Iterator[str]:
    """Yield a sentence if many texts have no feature, as with a high `min_df` on few texts.

    Args:
        features: the features of the training texts.
        texts: the training texts. Those without a visible character are not counted.
        who: the vectorizer's name in messages.
    """
    if not isinstance(features, Ragged):
        return
    n = sum(1 for row in np.flatnonzero(np.diff(features.offsets) == 0).tolist() if texts[row].strip())
    if n > FEATURELESS * len(texts):
        yield (
            f"{who} finds no feature in {n} of {len(texts)} training texts, so a classifier gives all of "
            "them the same label. Check its options, such as min_df, max_features or split."
        )


def comes_in_blocks(y: NDArray[Any], window: NDArray[np.int64]) -> bool:
    """Whether labels differ between windows of texts by far more than in random order.

    Args:
        y: class numbers, shape (n,), or a 0/1 matrix, shape (n, n_classes).
        window: the window of each text, ascending from 0, shape (n,).
    """
    if y.ndim == 1:
        return _blocked(np.ones(len(y), dtype=np.int64), y, window)
    rows, numbers = np.nonzero(y)
    if not len(rows):
        return False
    return _blocked(np.ones(len(rows), dtype=np.int64), numbers, window[rows])


def _blocked(counts: NDArray[np.int64], numbers: NDArray[Any], window: NDArray[np.int64]) -> bool:
    """As `comes_in_blocks`, for counts of labels: `counts[i]` labels of number `numbers[i]` in window `window[i]`.

    Measure the share of the labels' variance that lies between windows, on a scale from its expectation in random
    order (0) to its maximum (1); fewer windows than labels cannot separate all of them. Chance alone must not explain
    the share, by the chi-squared statistic.
    """
    n, per_label, sizes = counts.sum(), np.bincount(numbers, weights=counts), np.bincount(window, weights=counts)
    n_windows, n_labels = int((sizes > 0).sum()), int((per_label > 0).sum())
    if n_windows < 2 or n_labels < 2 or n <= n_windows:
        return False
    cells, place = np.unique(window * len(per_label) + numbers, return_inverse=True)
    in_cell, in_window = np.bincount(place, weights=counts), sizes[cells // len(per_label)]
    overall = (per_label**2).sum() / n
    share = ((in_cell**2)[in_window > 0] / in_window[in_window > 0]).sum() - overall
    share /= n - overall
    effective = n**2 / (per_label**2).sum()  # the number of labels, if all had the same number of texts
    chance, most = (n_windows - 1) / (n - 1), min(1.0, (n_windows - 1) / (effective - 1))
    freedom = (n_windows - 1) * (n_labels - 1)
    surprising = share * n * (n_labels - 1) > freedom + 6 * np.sqrt(2 * freedom)
    return bool(surprising and most > chance and (share - chance) / (most - chance) > BLOCKED)
