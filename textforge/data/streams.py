"""Training texts that are read chunk by chunk, so that they need not fit in memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from textforge.data.encoding import add_to_digest, as_labels, as_texts
from textforge.errors import DataError


@dataclass(frozen=True)
class Survey:
    """What a pass over a whole stream finds.

    Args:
        n_texts: how many texts there are.
        label_counts: how many of them have each label.
        multi_label: whether a text has a set of labels, rather than one.
        fingerprint: a digest that is another one where texts, labels or chunks are others.
    """

    n_texts: int
    label_counts: Mapping[str, int]
    multi_label: bool
    fingerprint: str


class Stream:
    """A training split in chunks, each read when its turn comes, in another order every epoch.

    Rows that stand side by side are trained on side by side: spread rows over the chunks at random, lest one
    label follow the other. Some thousand texts or some megabytes are a good chunk.

    Args:
        n_chunks: how many there are.
        read: gives the texts and the labels of chunk 0, 1, …, n_chunks - 1: equally long sequences, the same
            ones at each call, whatever was read before.
        known: what a pass over all chunks would find, where somebody has kept it (`Stream.survey`); without it
            the stream is read once more.

    Raises:
        DataError: there is no chunk.
    """

    def __init__(
        self, n_chunks: int, read: Callable[[int], tuple[Sequence[str], Sequence[Any]]], *, known: Survey | None = None
    ) -> None:
        if n_chunks < 1:
            raise DataError("train: a stream needs at least one chunk.")
        self.n_chunks = n_chunks
        self._read, self._known = read, known

    def chunk(self, number: int) -> tuple[list[str], list[Any]]:
        """The texts and labels of one chunk, checked as those of a `Dataset` are.

        Raises:
            DataError: there are not as many labels as texts, or something is not text; names chunk and row.
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
        """All chunks in their order; the first time that they are read to the end surveys them, too."""
        n_texts, kinds = 0, set[bool]()
        counts: Counter[str] = Counter()
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
                counts.update(chain.from_iterable(labels) if True in kinds else labels)
                digest.update(f"{len(texts)}\n".encode())
                add_to_digest(digest, texts, labels)
            yield texts, labels
        if self._known is None:
            if not n_texts:
                raise DataError("train: there are no texts.")
            self._known = Survey(n_texts, dict(counts), True in kinds, digest.hexdigest())

    def survey(self) -> Survey:
        """What is known of the whole stream; it is read where nobody knows yet.

        Raises:
            DataError: there are no texts, or a chunk is wrong.
        """
        if self._known is None:
            for _ in self.chunks():
                pass
        assert self._known is not None
        return self._known

    @property
    def n_texts(self) -> int:
        """How many texts there are."""
        return self.survey().n_texts

    @property
    def label_counts(self) -> Mapping[str, int]:
        """How many texts have each label."""
        return self.survey().label_counts

    @property
    def multi_label(self) -> bool:
        """Whether a text has a set of labels, rather than one."""
        return self.survey().multi_label

    @property
    def fingerprint(self) -> str:
        """A digest of all texts and labels, chunk by chunk."""
        return self.survey().fingerprint
