"""Rows held out and rows in folds: stratified by label, with several labels a row, or by whole groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.errors import DataError

Rows = NDArray[np.int64]


def holdout(labels: Any, fraction: float, seed: int, groups: Sequence[str] | None = None) -> tuple[Rows, Rows]:
    """Row numbers to keep and to hold out, each ascending.

    Args:
        labels: one label a row (str or number), or a set of labels a row (sequences of str, or a 0/1
            matrix of shape (rows, classes)).
        fraction: share of the rows to hold out, above 0 and below 1.
        seed: what the draw follows from.
        groups: a name for each row; rows of one name stay on one side.

    Raises:
        DataError: there are too few rows, or groups, to hold any out.
    """
    counts = _class_counts(labels)
    if counts is None and groups is None:
        _, numbers = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
        return stratified_holdout(numbers.astype(np.int64), fraction, seed)
    bins = _spread(_one_hot(labels) if counts is None else counts, groups, [1 - fraction, fraction], seed)
    keep, held = (np.flatnonzero(bins == number) for number in (0, 1))
    if not len(held) or not len(keep):
        raise DataError(
            f"{_amount(bins, groups)} too few to hold out a fraction of {fraction:g}. "
            "Give more texts or another fraction."
        )
    return keep, held


def folds(labels: Any, n_folds: int, seed: int, groups: Sequence[str] | None = None) -> list[Rows]:
    """The rows of each fold, ascending; every row is in one. Arguments as for `holdout`.

    Raises:
        DataError: there are fewer rows or groups than folds, or too few rows of some class.
    """
    counts = _class_counts(labels)
    if counts is None and groups is None:
        names, numbers, sizes = np.unique(np.asarray(labels, dtype=object), return_inverse=True, return_counts=True)
        if sizes.min() < n_folds:
            rare = int(sizes.argmin())
            raise DataError(
                f"class '{names[rare]}' has {sizes[rare]} texts, too few for {n_folds} folds. "
                "Take fewer folds, or leave the class out."
            )
        generator = np.random.default_rng([seed, 0xF01D])
        bins = np.empty(len(numbers), dtype=np.int64)
        dealt = 0
        for number in range(len(names)):  # dealt out like cards, so that the folds' sizes differ by one at most
            rows = generator.permutation(np.flatnonzero(numbers == number))
            bins[rows] = (dealt + np.arange(len(rows))) % n_folds
            dealt += len(rows)
    else:
        bins = _spread(_one_hot(labels) if counts is None else counts, groups, [1 / n_folds] * n_folds, seed)
    found = [np.flatnonzero(bins == number) for number in range(n_folds)]
    if not all(map(len, found)):
        raise DataError(f"{_amount(bins, groups)} too few for {n_folds} folds.")
    _refuse_unlearnable(labels, found)
    return found


def stratified_holdout(labels: NDArray[np.int64], fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Row numbers to keep and to hold out, each ascending; every class gives its share.

    A class gives round(fraction * count) of its rows, drawn from `seed`, and keeps at least one.

    Raises:
        DataError: there are too few texts to hold any out.
    """
    generator = np.random.default_rng([seed, 0x5EED])
    held: list[NDArray[np.int64]] = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        share = min(round(fraction * len(rows)), len(rows) - 1)
        held.append(generator.permutation(rows)[:share])
    out = np.sort(np.concatenate(held)) if held else np.empty(0, dtype=np.int64)
    if len(out) == 0 and len(np.unique(labels)) == len(labels) > 1:
        raise DataError(f"each of the {len(labels)} texts has a label of its own: is it the right column of labels?")
    if len(out) == 0:
        raise DataError(
            f"{len(labels)} texts are too few to hold out a fraction of {fraction:g}. "
            "Give more texts or a larger fraction."
        )
    keep = np.setdiff1d(np.arange(len(labels)), out, assume_unique=True)
    return keep, out


def _refuse_unlearnable(labels: Any, found: Sequence[Rows]) -> None:
    """A label that one fold has all texts of could not be learnt where that fold is left out."""
    counts = _class_counts(labels)
    counts = _one_hot(labels) if counts is None else counts
    for number, rows in enumerate(found, start=1):
        here = counts[rows].sum(axis=0)
        whole = np.flatnonzero((here > 0) & (here == counts.sum(axis=0)))
        if len(whole):
            names = whole if isinstance(labels, np.ndarray) else _names(labels)[whole]
            raise DataError(
                f"the label '{names[0]}' stands in one fold only (fold {number} of {len(found)}): its {here[whole[0]]} "
                "texts, or their groups, are too few. Take fewer folds, or leave the label out."
            )


def _amount(rows: Rows, groups: Sequence[str] | None) -> str:
    """`1 group is`, `7 texts are`."""
    n, what = (len(rows), "text") if groups is None else (len(set(groups)), "group")
    return f"{n} {what} is" if n == 1 else f"{n} {what}s are"


def _names(labels: Sequence[Any]) -> NDArray[np.object_]:
    """What the columns of the counts stand for."""
    single = isinstance(labels[0], (str, int, np.integer))
    return np.array(sorted(set(labels) if single else {name for row in labels for name in row}), dtype=object)


def _class_counts(labels: Any) -> NDArray[np.int64] | None:
    """0/1 for each row and class where a row has a set of labels, else None."""
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        return labels.astype(np.int64)
    if len(labels) == 0 or isinstance(labels[0], (str, int, np.integer)):
        return None
    number = {name: n for n, name in enumerate(_names(labels))}
    counts = np.zeros((len(labels), len(number)), dtype=np.int64)
    for row, names in enumerate(labels):
        counts[row, [number[name] for name in names]] = 1
    return counts


def _one_hot(labels: Any) -> NDArray[np.int64]:
    names, numbers = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    return np.eye(len(names), dtype=np.int64)[numbers]


def _spread(
    counts: NDArray[np.int64], groups: Sequence[str] | None, shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """The bin of each row, so that each bin gets its share of every class.

    Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011): the class with the fewest rows left
    goes first, each of its rows to the bin that lacks most of it. A group is a row with many labels.
    """
    generator = np.random.default_rng([seed, 0x5EED])
    _, item_of_row = np.unique(
        np.arange(len(counts)) if groups is None else np.asarray(groups, dtype=object), return_inverse=True
    )
    sizes = np.bincount(item_of_row)
    items = np.zeros((len(sizes), counts.shape[1]), dtype=np.int64)
    np.add.at(items, item_of_row, counts)
    wanted = np.outer(shares, items.sum(axis=0)).astype(float)
    room = np.asarray(shares) * len(counts)
    bins = np.full(len(items), -1)
    left = items.sum(axis=0)

    def place(item: int, lacking: NDArray[np.float64]) -> None:
        best = np.flatnonzero(lacking == lacking.max())
        best = best[room[best] == room[best].max()]
        chosen = int(generator.choice(best))
        bins[item] = chosen
        wanted[chosen] -= items[item]
        room[chosen] -= sizes[item]
        left[:] -= items[item]

    while (left > 0).any():
        rarest = int(np.argmin(np.where(left > 0, left, np.iinfo(np.int64).max)))
        having = generator.permutation(np.flatnonzero((bins < 0) & (items[:, rarest] > 0)))
        for item in sorted(having, key=lambda one: -items[one, rarest]):  # the large ones first; the rest fills up
            place(item, wanted[:, rarest].copy())
    for item in generator.permutation(np.flatnonzero(bins < 0)):  # texts without a label
        place(item, room.copy())
    return bins[item_of_row]
