"""Batch sources: the batches of each epoch, from texts in memory or from a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from textforge.classifiers.vectorizing import vectorized
from textforge.components.own_methods import own_method
from textforge.components.settings import TrainerSettings
from textforge.data.dataset import encode_labels
from textforge.data.streams import Stream
from textforge.data.training_splits import Encoded
from textforge.data.weights import Weights, with_mean_one
from textforge.errors import DataError, RecipeError
from textforge.features.batch import Batch
from textforge.features.ragged import Features, batches, features_of, features_state, joined, training_order
from textforge.training.factories import Factories

if TYPE_CHECKING:
    from textforge.training.distributed.workers import Workers


@dataclass(frozen=True)
class Targets:
    """The encoded labels of a batch, and the weights of its texts.

    Args:
        gold: int64 (n,), or float32 0 and 1 (n, n_classes).
        weights: float32 (n,), with mean 1 over all training texts; None if all texts count equally.
    """

    gold: torch.Tensor
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.gold)

    def __getitem__(self, rows: Any) -> Targets:
        return Targets(self.gold[rows], None if self.weights is None else self.weights[rows])

    @classmethod
    def of(cls, y: NDArray[Any], weights: Weights | None, device: torch.device) -> Targets:
        """Put labels and weights on a device."""
        own = None if weights is None else torch.from_numpy(weights.astype(np.float32)).to(device)
        return cls(torch.from_numpy(y).to(device), own)


Batches = Iterator[tuple[Batch, Targets]]
"""Pairs of features and targets; only the targets are on the device."""


@dataclass(frozen=True)
class BatchPlan:
    """How batches are drawn, and the device of their targets.

    Args:
        settings: only batch_size, shuffle, bucket_by_length and drop_last are used.
        seed: determines the order of the texts.
        device: device of the targets.
        workers: the processes that share each batch; None for one process.
    """

    settings: TrainerSettings
    seed: int
    device: torch.device
    workers: Workers | None = None

    @property
    def share(self) -> Callable[[int], range] | None:
        """The part of a batch that is this process's; None for all of it."""
        return None if self.workers is None else self.workers.share


class InMemoryBatches:
    """Batches of features that are computed once.

    Args:
        features: features of all training texts.
        train: their encoded labels and weights.
        plan: how batches are drawn.

    Raises:
        DataError: texts have one label each, and those with a weight above 0 have all the same.
    """

    def __init__(self, features: Features, train: Encoded, plan: BatchPlan) -> None:
        self.features: Features = features
        self.y: NDArray[Any] = train.y
        self.device: torch.device = plan.device
        self.n_texts: int = len(train.y)
        self.weights: Weights | None = with_mean_one(train.weights)
        """Float64 (n,), with mean 1; None if all texts count equally."""
        self._settings, self._seed, self._share = plan.settings, plan.seed, plan.share
        self._targets = Targets.of(train.y, self.weights, plan.device)
        if self.weights is not None and self.y.ndim == 1:
            _refuse_one_class(np.bincount(self.y, self.weights))

    @property
    def weighted(self) -> bool:
        """Whether some texts count more than others."""
        return self.weights is not None

    def class_counts(self, labels: Sequence[Any]) -> NDArray[Any]:
        """The number of training texts of each class, int64 (n_classes,).

        If texts have weights, the sum of the weights of each class, which have mean 1, float64 (n_classes,).
        """
        if self.weights is not None:
            return self.weights @ self.y if self.y.ndim == 2 else np.bincount(self.y, self.weights, len(labels))
        counts = self.y.sum(axis=0) if self.y.ndim == 2 else np.bincount(self.y, minlength=len(labels))
        return counts.astype(np.int64)

    def epoch(self, number: int) -> Batches:
        """Iterate over the batches of an epoch. Epochs count from 1."""
        settings = self._settings
        order = training_order(self.features, settings, np.random.default_rng([self._seed, number]))
        cut = _Cut(settings.batch_size, settings.drop_last, self._share)
        return _with_targets(self.features, self._targets, cut, order)


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

    Raises:
        DataError: texts have one label each, and those with a weight above 0 have all the same.
    """

    def __init__(self, stream: Stream, labels: Sequence[Any], vectorizer: Any, who: str, plan: BatchPlan) -> None:
        self._stream, self._labels, self._vectorizer, self._who = stream, labels, vectorizer, who
        self._settings, self._seed, self._plan = plan.settings, plan.seed, plan
        self.n_texts: int = stream.n_texts
        survey = stream.survey()
        self._scale = None if survey.weight is None else self.n_texts / survey.weight
        """Factor that gives the weights a mean of 1; None if all texts count equally."""
        if self.weighted and not stream.multi_label:
            _refuse_one_class(self.class_counts(labels))

    @property
    def weighted(self) -> bool:
        """Whether some texts count more than others."""
        return self._scale is not None

    def class_counts(self, labels: Sequence[Any]) -> NDArray[Any]:
        """The number of training texts of each class; see `InMemoryBatches.class_counts`."""
        weights = self._stream.survey().label_weights
        if self._scale is not None and weights is not None:
            return np.array([weights.get(name, 0.0) for name in labels]) * self._scale
        counts = self._stream.label_counts
        return np.array([counts.get(name, 0) for name in labels], dtype=np.int64)

    def epoch(self, number: int) -> Batches:
        """Iterate over the batches of an epoch. Epochs count from 1.

        Raises:
            DataError: the stream yields a different number of texts than when the vectorizer was fitted.
        """
        settings, size, share = self._settings, self._settings.batch_size, self._plan.share
        chunks = np.arange(self._stream.n_chunks)
        if settings.shuffle:
            chunks = np.random.default_rng([self._seed, number]).permutation(chunks)
        rest: _Rows | None = None
        n_seen = 0
        for read in self._read(number, chunks.tolist()):
            if not len(read.y):
                continue
            n_seen += len(read.y)
            found = read if rest is None else rest.followed_by(read)
            yield from _with_targets(found.features, self._targets(found), _Cut(size, True, share))
            rows = np.arange(len(found.y) - len(found.y) % size, len(found.y))
            rest = found.take(rows) if len(rows) else None
        if n_seen != self.n_texts:
            raise DataError(
                f"train: the stream gave {self.n_texts} texts before and {n_seen} in epoch {number}. "
                "It must give the same chunks each time it is read."
            )
        if rest is not None and not settings.drop_last:
            yield from _with_targets(rest.features, self._targets(rest), _Cut(size, False, share))

    def _read(self, epoch: int, chunks: Sequence[int]) -> Iterator[_Rows]:
        """Read the chunks in this order; each of several processes reads one of the next, and gets the others."""
        workers = self._plan.workers
        if workers is None:
            yield from (self._shuffled(epoch, chunk) for chunk in chunks)
            return
        for start in range(0, len(chunks), workers.size):
            several = chunks[start : start + workers.size]
            own = self._shuffled(epoch, several[workers.rank]).state() if workers.rank < len(several) else {}
            yield from (_Rows.of_state(one) for one in workers.gather(own)[: len(several)])

    def _shuffled(self, epoch: int, chunk: int) -> _Rows:
        """The features, encoded labels and weights of a chunk, with rows in this epoch's order."""
        texts, labels, weights = self._stream.weighted_chunk(chunk)
        y = encode_labels(labels, self._labels, f"train, chunk {chunk}")
        features = vectorized(self._vectorizer, texts, self._who)
        order = training_order(features, self._settings, np.random.default_rng([self._seed, epoch, chunk]))
        scaled = None if weights is None or self._scale is None else np.array(weights) * self._scale
        rows = _Rows(features, y, scaled)
        return rows if order is None else rows.take(order)

    def _targets(self, rows: _Rows) -> Targets:
        return Targets.of(rows.y, rows.weights, self._plan.device)


@dataclass(frozen=True)
class _Rows:
    """Rows of a stream."""

    features: Features
    y: NDArray[Any]
    weights: Weights | None

    def take(self, rows: NDArray[np.int64]) -> _Rows:
        weights = None if self.weights is None else self.weights[rows]
        return _Rows(self.features.take(rows), self.y[rows], weights)

    def state(self) -> dict[str, Any]:
        """The rows as arrays and numbers, to send them to another process."""
        return {"features": features_state(self.features), "y": self.y, "weights": self.weights}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> _Rows:
        """The rows that `state` took apart."""
        return cls(features_of(state["features"]), state["y"], state["weights"])

    def followed_by(self, others: _Rows) -> _Rows:
        features, y = joined([self.features, others.features]), np.concatenate([self.y, others.y])
        if self.weights is None or others.weights is None:
            return _Rows(features, y, None)
        return _Rows(features, y, np.concatenate([self.weights, others.weights]))


def _refuse_one_class(class_weights: NDArray[Any]) -> None:
    """Raise a DataError if fewer than two classes have texts with a weight above 0."""
    if (class_weights > 0).sum() < 2:
        raise DataError(
            "train: all texts with a weight above 0 have the same label. A classifier needs at least two classes: give "
            "texts of another label a weight above 0."
        )


class _Cut(NamedTuple):
    """How rows are cut into batches; see `batches`."""

    size: int
    drop_last: bool
    share: Callable[[int], range] | None


def _with_targets(features: Features, targets: Targets, cut: _Cut, order: NDArray[np.int64] | None = None) -> Batches:
    """Iterate over batches of features, each with its targets."""
    for batch, rows in batches(features, cut.size, order, drop_last=cut.drop_last, share=cut.share):
        if not len(rows):
            yield batch, targets[:0]
            continue
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
    if own_method(vectorizer, "fit_chunks") is None:
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
