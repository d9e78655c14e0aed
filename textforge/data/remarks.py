"""Warnings about the splits of a dataset: too few texts to evaluate on, repeated texts, conflicting labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.rows import kinds_of, row_key
from textforge.data.encoding import are_sets
from textforge.data.labels import label_names
from textforge.errors import listed

ENOUGH = 35
"""Number of texts below which a split gets a warning.

From this size on, the 95 % confidence interval of an accuracy of 0.9 is at most 10 points on either side:
1.96 * sqrt(0.9 * 0.1 / 35) < 0.1.
"""


def too_few(split: str, n: int) -> Iterator[str]:
    """Yield a sentence if a split has fewer than `ENOUGH` texts."""
    if 0 < n < ENOUGH:
        texts = "1 text" if n == 1 else f"{n} texts"
        yield (
            f"{split} has {texts}: a single text changes accuracy by {100 / n:.0f} points. "
            f"Metrics on fewer than {ENOUGH} texts are unreliable."
        )


@dataclass(frozen=True)
class Hashes:
    """64-bit hashes of texts, int64, shape (n,). Equal texts have equal hashes in every split.

    Among a million distinct texts, the probability that any two share a hash is 3e-8.
    """

    texts: NDArray[np.int64]
    pairs: NDArray[np.int64]
    """Hashes of each text together with its label or set of labels."""

    @classmethod
    def of(cls, texts: Sequence[str], labels: Sequence[Any]) -> Hashes:
        names: Iterable[Any] = map(frozenset, map(label_names, labels)) if are_sets(labels) else label_names(labels)
        keys = map(row_key, texts) if kinds_of(texts) else texts  # texts with other columns are no repeats
        of_texts = np.fromiter(map(hash, keys), np.int64, len(texts))
        of_labels = np.fromiter(map(hash, names), np.int64, len(labels))
        return cls(of_texts, of_texts * 0x5851F42D4C957F2D + of_labels)  # Knuth's MMIX multiplier, modulo 2**64

    @classmethod
    def joined(cls, parts: Sequence[Hashes]) -> Hashes:
        return cls(np.concatenate([part.texts for part in parts]), np.concatenate([part.pairs for part in parts]))

    def __getitem__(self, rows: Any) -> Hashes:
        return Hashes(self.texts[rows], self.pairs[rows])

    def __len__(self) -> int:
        return len(self.texts)


class TrainHashes:
    """Hashes of training texts, collected chunk by chunk in bounded memory.

    Args:
        others: hashes of the other splits, by name.
    """

    MOST = 1 << 22
    """Number of leading texts whose hashes are all kept (64 MB).

    After them, a hash is kept only if the text is also in another split.
    """

    def __init__(self, others: Mapping[str, Hashes]) -> None:
        self._others = others
        self._elsewhere = np.unique(np.concatenate([np.empty(0, np.int64), *(one.texts for one in others.values())]))
        self._parts: list[Hashes] = []
        self._n_texts = self._n_all_kept = 0

    def add(self, texts: Sequence[str], labels: Sequence[Any]) -> None:
        """Add the texts and labels of the next chunk."""
        found = Hashes.of(texts, labels)
        room = self.MOST - self._n_all_kept
        first, rest = found[:room], found[room:]
        rest = rest[np.isin(rest.texts, self._elsewhere)]
        self._parts += [first, rest[np.unique(rest.pairs, return_index=True)[1]]]
        self._n_texts += len(found)
        self._n_all_kept += len(first)

    def remarks(self) -> Iterator[str]:
        """Yield sentences about repeated texts and conflicting labels, within each split and across splits."""
        train = Hashes.joined(self._parts)
        yield from within("train", train[: self._n_all_kept], of_more=self._n_all_kept < self._n_texts)
        for name, hashes in self._others.items():
            yield from within(name, hashes)
            yield from between(name, hashes, "train", train)
        if self._others.keys() >= {"valid", "test"}:
            yield from between("test", self._others["test"], "valid", self._others["valid"])


def within(split: str, hashes: Hashes, *, of_more: bool = False) -> Iterator[str]:
    """Yield sentences about texts that occur more than once in a split, with equal or with different labels.

    Args:
        split: the name of the split.
        hashes: the hashes of its texts.
        of_more: whether `hashes` covers only the first texts of the split.
    """
    distinct, of_row = np.unique(hashes.texts, return_inverse=True)
    if len(distinct) == len(hashes):
        return
    first_of_pair = np.unique(hashes.pairs, return_index=True)[1]
    if split == "train" and len(first_of_pair) < len(hashes):
        again = np.ones(len(hashes), dtype=bool)
        again[first_of_pair] = False
        yield (
            f"{_count(again, split, of_more)} repeat an earlier one word for word, with the same label "
            f"({_rows(again)}): each counts again in training."
        )
    conflicting = np.bincount(of_row[first_of_pair]) > 1
    if conflicting.any():
        conflict = conflicting[of_row]
        yield (
            f"{_count(conflict, split, of_more)} have another label elsewhere in {split} for exactly the same "
            f"text ({_rows(conflict)}): no classifier can predict all of them correctly. Correct their labels."
        )


def between(
    split: str, hashes: Hashes, other: str, others: Hashes, *, rows: NDArray[np.int64] | None = None
) -> Iterator[str]:
    """Yield a sentence if texts of a split also occur in another split, used for training or model selection.

    Args:
        split: the name of the split.
        hashes: the hashes of its texts.
        other: the name of the other split.
        others: the hashes of the other split's texts.
        rows: if `split` is held out of train, the row number in train of each of its texts, from 0.
    """
    both = np.isin(hashes.texts, others.texts)
    if both.any():
        conflicts = int((both & ~np.isin(hashes.pairs, others.pairs)).sum())
        with_another = f", {conflicts} of them with another label" if conflicts else ""
        yield (
            f"{_count(both, split)} also occur in {other} word for word ({_rows(both, rows)}){with_another}: "
            f"metrics on {split} may be too good."
        )


def across_folds(hashes: Hashes, folds: Sequence[NDArray[np.int64]]) -> Iterator[str]:
    """Yield a sentence if texts occur in more than one fold."""
    fold_of_row = np.empty(len(hashes), dtype=np.int64)
    for number, rows in enumerate(folds):
        fold_of_row[rows] = number
    _, of_row = np.unique(hashes.texts, return_inverse=True)
    places = np.unique(of_row * len(folds) + fold_of_row)  # one entry per text and fold
    split_up = (np.bincount(places // len(folds)) > 1)[of_row]
    if split_up.any():
        yield (
            f"{_count(split_up, 'train')} also occur in another fold word for word ({_rows(split_up)}): "
            "metrics may be too good."
        )


def _count(chosen: NDArray[np.bool_], split: str, of_more: bool = False) -> str:
    """Return a phrase such as `3 of the 20 test texts`."""
    total = f"{'first ' if of_more else ''}{len(chosen)}"
    return f"{int(chosen.sum())} of the {total} {'training' if split == 'train' else split} texts"


def _rows(chosen: NDArray[np.bool_], numbers: NDArray[np.int64] | None = None) -> str:
    """Return a phrase such as `rows 1, 5, 8`, with rows counted from 1."""
    found = np.flatnonzero(chosen)
    shown, of = (found, "") if numbers is None else (numbers[found], " of train")
    return f"rows {listed((str(row + 1) for row in shown.tolist()), limit=5)}{of}"
