"""Count the occurrences of features in texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Stream = tuple[NDArray[Any], NDArray[np.int64]]
"""Features in text order, and the offsets of the texts."""


SORTED_AT_ONCE = 1 << 13
"""Approximate number of occurrences per sort."""


@dataclass(frozen=True)
class Frequencies:
    """Frequencies of features over all texts.

    Args:
        n_texts: number of texts.
        texts_with: number of texts with each feature.
        total: total count of each feature; equals `texts_with` if totals are not counted.
    """

    n_texts: int
    texts_with: NDArray[np.int64]
    total: NDArray[np.int64]

    def only(self, keep: NDArray[np.bool_]) -> "Frequencies":
        """The frequencies of the features in the mask `keep`, renumbered."""
        return Frequencies(self.n_texts, self.texts_with[keep], self.total[keep])


@dataclass(frozen=True)
class Counts:
    """Count of each feature in each text: a CSR matrix with ascending columns in each row."""

    indices: NDArray[np.int32]
    offsets: NDArray[np.int64]
    counts: NDArray[Any]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def frequencies(self, n_features: int, *, totals: bool) -> Frequencies:
        """The frequencies of the features over all texts; without `totals`, at most once per text."""
        texts_with = np.bincount(self.indices, minlength=n_features)
        if not totals:
            return Frequencies(len(self), texts_with, texts_with)
        total = np.bincount(self.indices, weights=self.counts, minlength=n_features)
        return Frequencies(len(self), texts_with, total.astype(np.int64))

    def only(self, keep: NDArray[np.bool_]) -> "Counts":
        """The counts of the features in the mask `keep`, renumbered."""
        kept = keep[self.indices]
        offsets = np.concatenate(([0], np.cumsum(kept)))[self.offsets]
        number = np.cumsum(keep, dtype=np.int32) - 1
        return Counts(number[self.indices[kept]], offsets, self.counts[kept])


def count(chunks: Iterable[Sequence[Stream]], n_features: int) -> Counts:
    """Count the features of each text; ignore negative features.

    Args:
        chunks: chunks of texts, each a list of streams that are counted together.
        n_features: the largest feature plus 1.
    """
    indices, lengths, counts = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)], [np.zeros(0, np.int32)]
    for chunk in chunks:
        streams = [_known(*stream) for stream in chunk]
        offsets = _together(streams)
        keys = _sorted_keys(streams, offsets, n_features)
        first = run_starts(keys)
        of_texts = np.diff(np.searchsorted(first, offsets))
        texts = np.repeat(np.arange(len(of_texts), dtype=keys.dtype) * keys.dtype.type(n_features), of_texts)
        indices.append((keys[first] - texts).astype(np.int32))
        counts.append(np.diff(np.append(first, len(keys))).astype(np.int32))
        lengths.append(of_texts)
    return Counts(_joined(indices), np.cumsum(_joined(lengths)), _joined(counts))


def _sorted_keys(streams: Sequence[Stream], offsets: NDArray[np.int64], n_features: int) -> NDArray[Any]:
    """Sort text * n_features + feature of every occurrence; uses 32 bits if they suffice, which sort faster.

    `offsets` are the text offsets of the concatenated streams.
    """
    n_texts = len(offsets) - 1
    kind: Any = np.uint32 if n_texts * n_features < 2**32 else np.int64
    keys = np.empty(offsets[-1], dtype=kind)
    # Texts are already in order: sorting a few at a time is faster.
    at = range(SORTED_AT_ONCE, int(offsets[-1]), SORTED_AT_ONCE)
    start = 0
    for stop in [*(np.searchsorted(offsets, at).tolist() if at else ()), n_texts]:
        block = keys[offsets[start] : offsets[stop]]
        filled = 0
        for features, of_texts in streams:
            of_block = features[of_texts[start] : of_texts[stop]]
            texts = np.arange(start, stop, dtype=kind) * kind(n_features)
            part = block[filled : filled + len(of_block)]
            np.add(np.repeat(texts, np.diff(of_texts[start : stop + 1])), of_block, out=part, casting="unsafe")
            filled += len(of_block)
        block.sort()
        start = stop
    return keys


def _together(streams: Sequence[Stream]) -> NDArray[np.int64]:
    """The text offsets of the concatenated streams."""
    offsets = streams[0][1]
    for _, more in streams[1:]:
        offsets = offsets + more
    return offsets


def run_starts(keys: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the first occurrence of each distinct key in sorted keys."""
    return np.flatnonzero(np.concatenate((keys[:1] == keys[:1], keys[1:] != keys[:-1])))


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate the parts, and empty the list to free them."""
    joined = np.concatenate(parts)
    parts.clear()
    return joined


def _known(features: NDArray[Any], offsets: NDArray[np.int64]) -> Stream:
    known = np.flatnonzero(features >= 0)
    if len(known) == len(features):
        return features, offsets
    return features[known], np.searchsorted(known, offsets)


def scaled(weights: NDArray[np.float64], offsets: NDArray[np.int64], norm: str | None) -> NDArray[np.float64]:
    """Scale each row of weights to unit Euclidean ('l2') or sum ('l1') norm; rows of zeros are unchanged."""
    if norm is None:
        return weights
    filled = np.flatnonzero(np.diff(offsets))
    sums = np.add.reduceat(weights**2 if norm == "l2" else np.abs(weights), offsets[filled]) if len(filled) else weights
    lengths = np.sqrt(sums) if norm == "l2" else sums
    divisors: NDArray[np.float64] = np.repeat(np.where(lengths == 0, 1, lengths), np.diff(offsets)[filled])
    return weights / divisors


def without_signs(counts: Counts) -> Counts:
    """Merge features 2 * column and 2 * column + 1 into signed counts per column; odd features count negatively."""
    numbers = counts.indices >> 1
    signed = counts.counts * (1 - 2 * (counts.indices & 1))
    both = np.flatnonzero(numbers[1:] == numbers[:-1]) + 1
    both = both[~np.isin(both, counts.offsets)]  # entries of different texts stay separate
    if not len(both):
        return Counts(numbers, counts.offsets, signed)
    signed[both - 1] += signed[both]
    first = np.ones(len(numbers), dtype=bool)
    first[both] = False
    return Counts(numbers[first], np.concatenate(([0], np.cumsum(first)))[counts.offsets], signed[first])


def count_words(numbers: NDArray[np.int64], rows: NDArray[np.int64], n_texts: int, n_words: int) -> Counts:
    """Count the words of a vocabulary in each text, from their places in it; -1, unknown words, is ignored."""
    known = numbers >= 0
    keys = np.sort(rows[known] * n_words + numbers[known])  # one number per (text, word), in CSR order
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(first, append=len(keys))
    in_text, indices = np.divmod(keys[first], n_words)
    offsets = np.searchsorted(in_text, np.arange(n_texts + 1))
    return Counts(indices.astype(np.int32), offsets.astype(np.int64), counts)
