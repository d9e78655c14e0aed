"""Batch sources: the batches of each epoch, from texts in memory or from a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textforge.classifiers.vectorizing import vectorized
from textforge.components.settings import TrainerSettings
from textforge.data.dataset import encode_labels
from textforge.data.streams import Stream
from textforge.errors import DataError, RecipeError
from textforge.features.ragged import Batch, Features, batches, joined, training_order
from textforge.training.factories import Factories

Batches = Iterator[tuple[Batch, torch.Tensor]]
"""Pairs of features and targets; only the targets are on the device."""


@dataclass(frozen=True)
class BatchPlan:
    """How batches are drawn, and the device of their targets.

    Args:
        settings: only batch_size, shuffle, bucket_by_length and drop_last are used.
        seed: determines the order of the texts.
        device: device of the targets.
    """

    settings: TrainerSettings
    seed: int
    device: torch.device


class InMemoryBatches:
    """Batches of features that are computed once.

    Args:
        features: features of all training texts.
        y: the encoded labels.
        plan: how batches are drawn.
    """

    def __init__(self, features: Features, y: NDArray[Any], plan: BatchPlan) -> None:
        self.features, self.y, self.device = features, y, plan.device
        self.n_texts = len(y)
        self._settings, self._seed = plan.settings, plan.seed
        self._targets = torch.from_numpy(y).to(plan.device)

    def class_counts(self, labels: Sequence[Any]) -> NDArray[np.int64]:
        """The number of training texts of each class, int64 (n_classes,)."""
        counts = self.y.sum(axis=0) if self.y.ndim == 2 else np.bincount(self.y, minlength=len(labels))
        return counts.astype(np.int64)

    def epoch(self, number: int) -> Batches:
        """Iterate over the batches of an epoch. Epochs count from 1."""
        settings = self._settings
        order = training_order(self.features, settings, np.random.default_rng([self._seed, number]))
        return _with_targets(self.features, self._targets, settings.batch_size, order, drop_last=settings.drop_last)


class StreamedBatches:
    """Batches of a stream, which vectorize one chunk at a time.

    Each epoch draws a new order of the chunks and shuffles the rows within each chunk. Rows that do not fill a
    batch are carried over to the next chunk, so all batches except the last are full.

    Args:
        stream: the stream of training texts.
        labels: the class names, in the order of the model's outputs.
        vectorizer: the fitted vectorizer.
        who: the vectorizer's name in messages.
        plan: how batches are drawn.
    """

    def __init__(self, stream: Stream, labels: Sequence[Any], vectorizer: Any, who: str, plan: BatchPlan) -> None:
        self._stream, self._labels, self._vectorizer, self._who = stream, labels, vectorizer, who
        self._settings, self._seed, self._device = plan.settings, plan.seed, plan.device
        self.n_texts = stream.n_texts

    def class_counts(self, labels: Sequence[Any]) -> NDArray[np.int64]:
        """The number of training texts of each class, int64 (n_classes,)."""
        counts = self._stream.label_counts
        return np.array([counts[name] for name in labels], dtype=np.int64)

    def epoch(self, number: int) -> Batches:
        """Iterate over the batches of an epoch. Epochs count from 1.

        Raises:
            DataError: the stream yields a different number of texts than when the vectorizer was fitted.
        """
        settings, size = self._settings, self._settings.batch_size
        chunks = np.arange(self._stream.n_chunks)
        if settings.shuffle:
            chunks = np.random.default_rng([self._seed, number]).permutation(chunks)
        rest: tuple[Features, NDArray[Any]] | None = None
        n_seen = 0
        for chunk in chunks.tolist():
            features, y = self._shuffled(number, chunk)
            if not len(y):
                continue
            n_seen += len(y)
            if rest is not None:
                features, y = joined([rest[0], features]), np.concatenate([rest[1], y])
            yield from _with_targets(features, self._targets(y), size, drop_last=True)
            rows = np.arange(len(y) - len(y) % size, len(y))
            rest = (features.take(rows), y[rows]) if len(rows) else None
        if n_seen != self.n_texts:
            raise DataError(
                f"train: the stream gave {self.n_texts} texts before and {n_seen} in epoch {number}. "
                "It must give the same chunks each time it is read."
            )
        if rest is not None and not settings.drop_last:
            yield from _with_targets(rest[0], self._targets(rest[1]), size)

    def _shuffled(self, epoch: int, chunk: int) -> tuple[Features, NDArray[Any]]:
        """The features and encoded labels of a chunk, with rows in this epoch's order."""
        texts, labels = self._stream.chunk(chunk)
        y = encode_labels(labels, self._labels, f"train, chunk {chunk}")
        features = vectorized(self._vectorizer, texts, self._who)
        order = training_order(features, self._settings, np.random.default_rng([self._seed, epoch, chunk]))
        return (features, y) if order is None else (features.take(order), y[order])

    def _targets(self, y: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(y).to(self._device)


def _with_targets(
    features: Features,
    targets: torch.Tensor,
    size: int,
    order: NDArray[np.int64] | None = None,
    *,
    drop_last: bool = False,
) -> Batches:
    """Iterate over batches of features, each with its targets."""
    for batch, rows in batches(features, size, order, drop_last=drop_last):
        # Without an order the rows are contiguous, so a slice (a view) is enough.
        yield batch, targets[int(rows[0]) : int(rows[-1]) + 1] if order is None else targets[torch.from_numpy(rows)]


def refuse_stream(vectorizer: Any, fits_itself: bool, factories: Factories) -> None:
    """Refuse components that cannot train on a stream, before the stream is read.

    Raises:
        RecipeError: the vectorizer has no `fit_chunks`, or the model fits itself.
    """
    if fits_itself:
        raise RecipeError(
            f"{factories.name('model')} fits itself on all texts at once, but the training texts are a stream. "
            "Use a model that an optimizer trains, or give the texts in memory."
        )
    if not callable(getattr(vectorizer, "fit_chunks", None)):
        raise RecipeError(
            f"{factories.name('vectorizer')} learns from all texts at once (it has no fit_chunks), but the training "
            "texts are a stream. Use a vectorizer that has fit_chunks, or give the texts in memory."
        )


BatchSource = InMemoryBatches | StreamedBatches


def require_in_memory(source: BatchSource, what: str) -> InMemoryBatches:
    """Return the source if its features are in memory.

    Raises:
        RecipeError: the source is a stream; `what` is the subject of the message.
    """
    if isinstance(source, InMemoryBatches):
        return source
    raise RecipeError(f"{what} needs all training texts at once, but they are a stream. Give them in memory.")
