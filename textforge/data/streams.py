"""Training texts read chunk by chunk, so that they need not fit in memory."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from textforge.components.part import plugin_errors
from textforge.components.rows import ColumnKinds
from textforge.data.columns import checked_kinds, refuse_other_columns
from textforge.data.encoding import add_to_digest, add_weights_to_digest, as_labels, as_texts
from textforge.data.labels import described_type, label_type
from textforge.data.weights import SOME_WEIGHT, as_weights
from textforge.errors import DataError

GivenChunk = tuple[Sequence[str], Sequence[Any]] | tuple[Sequence[str], Sequence[Any], Sequence[float] | None]
"""Texts and labels as a plugin returns them, with weights if the texts have any."""

Chunk = tuple[list[str], list[Any], list[float] | None]
"""Texts, their labels, and their weights if they have any."""


@dataclass(frozen=True)
class Survey:
    """The facts that one pass over a whole stream collects.

    Args:
        n_texts: the number of texts.
        label_counts: the number of texts per label.
        multi_label: whether each text has a set of labels instead of exactly one.
        fingerprint: a digest that changes if texts, labels, weights or chunk boundaries change.
        weight: the sum of the weights; None if all texts have the same weight.
        label_weights: the sum of the weights per label; None if all texts have the same weight.
    """

    n_texts: int
    label_counts: Mapping[Any, int]
    multi_label: bool
    fingerprint: str
    weight: float | None = None
    label_weights: Mapping[Any, float] | None = None


class Stream:
    """A training split in chunks, read on demand and in a different order every epoch.

    Rows of one chunk are trained on together, so assign rows to chunks at random: chunks sorted by label train
    badly. A good chunk has a few thousand texts or a few megabytes.

    Args:
        n_chunks: the number of chunks.
        read: returns the texts and the labels of chunk 0, 1, …, n_chunks - 1, as sequences of equal length; if texts
            have weights, also the weights of these texts, as a third sequence. A chunk must be the same at each call,
            in whatever order chunks are read.
        known: the survey of this stream, if it was stored (see `Stream.survey`). Without it, the stream is read
            one more time.
        columns: the kinds of the columns of texts that are `Row`s, by name.

    Raises:
        DataError: `n_chunks` is less than 1.
        ComponentError: `read` raises an exception other than a `TextforgeError`, when a chunk is read.
    """

    def __init__(
        self,
        n_chunks: int,
        read: Callable[[int], GivenChunk],
        *,
        known: Survey | None = None,
        columns: ColumnKinds | None = None,
    ) -> None:
        if n_chunks < 1:
            raise DataError("train: a stream needs at least one chunk.")
        self.columns: ColumnKinds = checked_kinds(columns or {})
        self.n_chunks = n_chunks
        self._read, self._known = read, known
        self.who: str = "the stream"
        """The dataset in messages."""

    def __repr__(self) -> str:
        if self._known is None:
            return f"<Stream of {self.n_chunks:,} chunks, not read yet>"
        return f"<Stream of {self.n_chunks:,} chunks, {self.n_texts:,} texts, {len(self.label_counts):,} labels>"

    def chunk(self, number: int) -> tuple[list[str], list[Any]]:
        """Read the texts and labels of one chunk; see `weighted_chunk`."""
        texts, labels, _ = self.weighted_chunk(number)
        return texts, labels

    def weighted_chunk(self, number: int) -> Chunk:
        """Read one chunk and validate its texts, labels and weights as `Dataset` does.

        Raises:
            DataError: the numbers of texts, labels and weights differ, an item is not text, or a weight is not a
                number from 0. The message names the chunk and the row.
        """
        name = f"train, chunk {number}"
        with plugin_errors(self.who, f"reading chunk {number}"):
            found = self._read(number)
        if not isinstance(found, (tuple, list)) or len(found) not in (2, 3):
            raise DataError(f"{name}: a chunk is a pair (texts, labels), or (texts, labels, weights).")
        texts, labels = as_texts(found[0], name), as_labels(found[1], name)
        if len(texts) != len(labels):
            raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
        refuse_other_columns(texts, self.columns, name)
        weights = as_weights(found[2], len(texts), name) if len(found) == 3 and found[2] is not None else None
        return texts, labels, weights

    def chunks(self, numbers: Sequence[int] | None = None) -> Iterator[tuple[list[str], list[Any]]]:
        """Iterate over all chunks in order, or over those of `numbers`. The first of all computes the survey."""
        surveyor = _Surveyor() if self._known is None and numbers is None else None
        for number in range(self.n_chunks) if numbers is None else numbers:
            texts, labels, weights = self.weighted_chunk(number)
            if surveyor is not None and labels:
                surveyor.add((texts, labels, weights), number)
            yield texts, labels
        if surveyor is not None:
            self._known = surveyor.survey()

    def survey(self) -> Survey:
        """Return the survey of the whole stream; the first call reads the stream unless the survey is known.

        Raises:
            DataError: the stream has no texts, or a chunk is invalid.
        """
        if self._known is None:
            for _ in self.chunks():
                pass
        assert self._known is not None
        return self._known

    @property
    def n_texts(self) -> int:
        """The number of texts."""
        return self.survey().n_texts

    @property
    def label_counts(self) -> Mapping[Any, int]:
        """The number of texts per label."""
        return self.survey().label_counts

    @property
    def multi_label(self) -> bool:
        """Whether each text has a set of labels instead of exactly one."""
        return self.survey().multi_label

    @property
    def fingerprint(self) -> str:
        """A digest of all texts, labels and weights, chunk by chunk."""
        return self.survey().fingerprint

    @property
    def weighted(self) -> bool:
        """Whether texts have different weights."""
        return self.survey().weight is not None


class _Surveyor:
    """Collects a `Survey` chunk by chunk."""

    def __init__(self) -> None:
        self._n_texts, self._weight = 0, 0.0
        self._kinds, self._having = set[bool](), set[bool]()
        self._counts, self._types = Counter[Any](), dict[type, Any]()
        self._label_weights: dict[Any, float] = {}
        self._range = (math.inf, 0.0)
        self._digest = hashlib.sha256()

    def add(self, chunk: Chunk, number: int) -> None:
        """Add a chunk that has texts.

        Raises:
            DataError: its labels are of another kind or type than those of earlier chunks, or only one of them has
                weights.
        """
        texts, labels, weights = chunk
        self._kinds.add(isinstance(labels[0], tuple))
        self._having.add(weights is not None)
        name = f"train, chunk {number}"
        if len(self._kinds) > 1:
            raise DataError(f"{name}: labels are single in one chunk and lists in another. Give lists in all.")
        if len(self._having) > 1:
            raise DataError(f"{name}: one chunk has weights and another has none. Give weights in all or in none.")
        several = True in self._kinds
        for label in chain.from_iterable(labels) if several else labels[:1]:
            self._types.setdefault(label_type(label), label)
        if len(self._types) > 1:
            one, other = self._types.values()
            raise DataError(
                f"{name}: its labels are {described_type(other)}, as {other!r} is, but earlier "
                f"chunks have {described_type(one)}, as {one!r} is. Give labels of the same type."
            )
        self._n_texts += len(texts)
        self._counts.update(chain.from_iterable(labels) if several else labels)
        self._digest.update(f"{len(texts)}\n".encode())
        add_to_digest(self._digest, texts, labels)
        if weights is not None:
            self._weigh(labels, weights)

    def _weigh(self, labels: Sequence[Any], weights: list[float]) -> None:
        add_weights_to_digest(self._digest, weights)
        self._weight += math.fsum(weights)
        low, high = self._range
        self._range = min(low, *weights), max(high, *weights)
        for label, weight in zip(labels, weights, strict=True):
            for one in label if isinstance(label, tuple) else (label,):
                self._label_weights[one] = self._label_weights.get(one, 0.0) + weight

    def survey(self) -> Survey:
        """Return the survey of all chunks.

        Raises:
            DataError: there are no texts, or all weights are 0.
        """
        if not self._n_texts:
            raise DataError("train: no texts.")
        if True in self._having and not self._weight:
            raise DataError(f"train: all {self._n_texts} weights are 0, so no text counts. {SOME_WEIGHT}")
        low, high = self._range
        different = self._weight, self._label_weights
        weight, label_weights = different if low < high else (None, None)
        return Survey(
            self._n_texts, dict(self._counts), True in self._kinds, self._digest.hexdigest(), weight, label_weights
        )
