"""Training texts read chunk by chunk, so that they need not fit in memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from textforge.data.encoding import add_to_digest, as_labels, as_texts
from textforge.data.labels import described_type, label_type
from textforge.errors import DataError


@dataclass(frozen=True)
class Survey:
    """The facts that one pass over a whole stream collects.

    Args:
        n_texts: the number of texts.
        label_counts: the number of texts per label.
        multi_label: whether each text has a set of labels instead of exactly one.
        fingerprint: a digest that changes if texts, labels or chunk boundaries change.
    """

    n_texts: int
    label_counts: Mapping[Any, int]
    multi_label: bool
    fingerprint: str


class Stream:
    """A training split in chunks, read on demand and in a different order every epoch.

    Rows of one chunk are trained on together, so assign rows to chunks at random: chunks sorted by label train
    badly. A good chunk has a few thousand texts or a few megabytes.

    Args:
        n_chunks: the number of chunks.
        read: returns the texts and the labels of chunk 0, 1, …, n_chunks - 1, as sequences of equal length.
            A chunk must be the same at each call, in whatever order chunks are read.
        known: the survey of this stream, if it was stored (see `Stream.survey`). Without it, the stream is read
            one more time.

    Raises:
        DataError: `n_chunks` is less than 1.
    """

    def __init__(
        self, n_chunks: int, read: Callable[[int], tuple[Sequence[str], Sequence[Any]]], *, known: Survey | None = None
    ) -> None:
        if n_chunks < 1:
            raise DataError("train: a stream needs at least one chunk.")
        self.n_chunks = n_chunks
        self._read, self._known = read, known

    def chunk(self, number: int) -> tuple[list[str], list[Any]]:
        """Read one chunk and validate its texts and labels as `Dataset` does.

        Raises:
            DataError: the numbers of texts and labels differ, or an item is not text. The message names the
                chunk and the row.
        """
        name = f"train, chunk {number}"
        found = self._read(number)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise DataError(f"{name}: a chunk is a pair (texts, labels).")
        texts, labels = as_texts(found[0], name), as_labels(found[1], name)
        if len(texts) != len(labels):
            raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
        return texts, labels

    def chunks(self) -> Iterator[tuple[list[str], list[Any]]]:
        """Iterate over all chunks in order. The first full iteration also computes the survey."""
        n_texts, kinds = 0, set[bool]()
        counts: Counter[Any] = Counter()
        types: dict[type, Any] = {}
        digest = hashlib.sha256()
        for number in range(self.n_chunks):
            texts, labels = self.chunk(number)
            if self._known is None and labels:
                kinds.add(isinstance(labels[0], tuple))
                if len(kinds) > 1:
                    raise DataError(
                        f"train, chunk {number}: labels are single in one chunk and lists in another. "
                        "Give lists in all."
                    )
                n_texts += len(texts)
                for label in chain.from_iterable(labels) if True in kinds else labels[:1]:
                    types.setdefault(label_type(label), label)
                if len(types) > 1:
                    one, other = types.values()
                    raise DataError(
                        f"train, chunk {number}: its labels are {described_type(other)}, as {other!r} is, but earlier "
                        f"chunks have {described_type(one)}, as {one!r} is. Give labels of the same type."
                    )
                counts.update(chain.from_iterable(labels) if True in kinds else labels)
                digest.update(f"{len(texts)}\n".encode())
                add_to_digest(digest, texts, labels)
            yield texts, labels
        if self._known is None:
            if not n_texts:
                raise DataError("train: no texts.")
            self._known = Survey(n_texts, dict(counts), True in kinds, digest.hexdigest())

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
        """A digest of all texts and labels, chunk by chunk."""
        return self.survey().fingerprint
