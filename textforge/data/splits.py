"""Split rows into hold-outs and folds: stratified by label, also for multi-label rows, and by whole groups."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.labels import label_value
from textforge.errors import DataError

Rows = NDArray[np.int64]


def holdout(labels: Any, fraction: float, seed: int, groups: Sequence[str] | None = None) -> tuple[Rows, Rows]:
    """Return the row numbers to keep and those to hold out, each int64 and ascending.

    round(fraction * rows) rows are held out, at least one, in proportion to the labels. At least one row of every
    label is kept. Groups are never divided, so with groups that number is met to within 1 %, or as closely as the
    group sizes allow.

    Args:
        labels: one label per row (str, number or member of an Enum), or a set of labels per row (sequences of them, or
            a 0/1 matrix of shape (rows, classes)).
        fraction: share of the rows to hold out, above 0 and below 1.
        seed: seed of the random draw.
        groups: a group name for each row; rows of one group stay together.

    Raises:
        DataError: there are too few rows or groups to hold any out, or the numbers of rows and groups differ.
    """
    _refuse_uneven(labels, groups)
    counts = _class_counts(labels)
    if counts is None and groups is None:
        numbers = _class_numbers(labels)
        return stratified_holdout(numbers, fraction, seed)
    units = _Units.of(_one_hot(labels) if counts is None else counts, groups)
    generator = np.random.default_rng([seed, 0x5EED])
    held_out = _stratify(units, [1 - fraction, fraction], generator) == 1
    total = max(1, round(fraction * len(units.of_row)))
    goal = _Goal(fraction, total, slack=0 if groups is None else total // 100)
    _correct_total(units, held_out, goal, generator)
    if not held_out.any() or held_out.all():
        raise DataError(
            f"{_amount(units.of_row, groups)} too few to hold out a fraction of {fraction:g}. "
            "Give more texts or another fraction."
        )
    rows = held_out[units.of_row]
    return np.flatnonzero(~rows), np.flatnonzero(rows)


def folds(labels: Any, n_folds: int, seed: int, groups: Sequence[str] | None = None) -> list[Rows]:
    """Return the row numbers of each fold, int64 and ascending; every row is in exactly one fold.

    A label with fewer rows (or groups) than folds appears in as many folds as it has rows (or groups).

    Args:
        labels: as for `holdout`.
        n_folds: the number of folds.
        seed: seed of the random draw.
        groups: as for `holdout`.

    Raises:
        DataError: there are fewer rows or groups than folds, or the numbers of rows and groups differ.
    """
    _refuse_uneven(labels, groups)
    counts = _class_counts(labels)
    if counts is None and groups is None:
        numbers = _class_numbers(labels)
        generator = np.random.default_rng([seed, 0xF01D])
        bins = np.empty(len(numbers), dtype=np.int64)
        dealt = 0
        for number in np.unique(numbers):  # dealt out like cards, so fold sizes differ by at most one
            rows = generator.permutation(np.flatnonzero(numbers == number))
            bins[rows] = (dealt + np.arange(len(rows))) % n_folds
            dealt += len(rows)
    else:
        units = _Units.of(_one_hot(labels) if counts is None else counts, groups)
        found = _stratify(units, [1 / n_folds] * n_folds, np.random.default_rng([seed, 0x5EED]))
        _spread_confined_labels(units, found, n_folds)
        bins = found[units.of_row]
    parts = [np.flatnonzero(bins == number) for number in range(n_folds)]
    if not all(map(len, parts)):
        raise DataError(f"{_amount(bins, groups)} too few for {n_folds} folds.")
    return parts


def stratified_holdout(labels: NDArray[np.int64], fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Return the row numbers to keep and those to hold out, each ascending and stratified by class.

    round(fraction * rows) rows are held out, at least one. At least one row of every class is kept. The rows of a
    class are drawn at random from `seed`.

    Raises:
        DataError: there are too few texts to hold any out, or every text has a different label.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if len(classes) == len(labels) > 1:
        raise DataError(f"each of the {len(labels)} texts has a different label. Is this the right label column?")
    if len(labels) < 2:
        raise DataError(f"{_amount(labels, None)} too few to hold out a fraction of {fraction:g}. Give more texts.")
    generator = np.random.default_rng([seed, 0x5EED])
    held: list[NDArray[np.int64]] = []
    for label, share in zip(classes, _shares(sizes.tolist(), fraction, seed), strict=True):
        held.append(generator.permutation(np.flatnonzero(labels == label))[:share])
    out = np.sort(np.concatenate(held))
    keep = np.setdiff1d(np.arange(len(labels)), out, assume_unique=True)
    return keep, out


def _shares(sizes: Sequence[int], fraction: float, seed: int) -> list[int]:
    """Return how many rows of each class to hold out, by the method of largest remainders (Hamilton).

    At least one row of each class is kept. Very small classes may therefore hold out fewer rows than their quota.
    Other classes make up for them: first those furthest below their quota, then, once every class has reached its
    quota, in proportion to class size.

    Args:
        sizes: number of rows of each class.
        fraction: share of all rows to hold out.
        seed: seed of the draw that breaks ties.
    """
    quotas = [fraction * size for size in sizes]
    shares = [min(int(quota), size - 1) for quota, size in zip(quotas, sizes, strict=True)]
    total = min(max(1, round(fraction * sum(sizes))), sum(sizes) - len(sizes))
    ties = np.random.default_rng([seed, 0x71E5]).permutation(len(sizes)).tolist()

    def rank(n: int) -> tuple[float, bool, int, int]:
        lack = round(quotas[n] - shares[n], 9)
        # A remainder of exactly one half follows Python's rounding first, then the random tie-break.
        return -(lack if lack >= 0 else lack / sizes[n]), round(quotas[n]) <= shares[n], ties[n], n

    waiting = [rank(n) for n in range(len(sizes)) if shares[n] < sizes[n] - 1]
    heapq.heapify(waiting)
    for _ in range(total - sum(shares)):
        *_, n = heapq.heappop(waiting)
        shares[n] += 1
        if shares[n] < sizes[n] - 1:
            heapq.heappush(waiting, rank(n))
    return shares


# -- sets of labels, and groups --------------------------------------------------------------------


@dataclass(frozen=True)
class _Units:
    """The units that a split may not divide: groups of rows, or single rows."""

    counts: NDArray[np.int64]
    """Number of rows with each label, shape (units, labels)."""
    sizes: NDArray[np.int64]
    """Number of rows, shape (units,)."""
    of_row: NDArray[np.int64]
    """Unit number of each row, shape (rows,)."""

    @classmethod
    def of(cls, counts: NDArray[np.int64], groups: Sequence[str] | None) -> _Units:
        names = np.arange(len(counts)) if groups is None else np.asarray(groups, dtype=object)
        _, of_row = np.unique(names, return_inverse=True)
        sizes = np.bincount(of_row)
        summed = np.zeros((len(sizes), counts.shape[1]), dtype=np.int64)
        np.add.at(summed, of_row, counts)
        return cls(summed, sizes, of_row)


def _stratify(units: _Units, shares: Sequence[float], generator: np.random.Generator) -> NDArray[np.int64]:
    """Assign each unit to a bin, so that each bin gets its share of every label.

    Use iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011): take the label with the fewest remaining
    rows, and assign each of its units to the bin that needs this label most. A group is a unit with many labels.
    """
    left = units.counts.sum(axis=0)
    wanted = np.outer(shares, left).astype(float)
    room = np.asarray(shares) * units.sizes.sum()
    bins = np.full(len(units.sizes), -1)

    def place(unit: int, lacking: NDArray[np.float64]) -> None:
        best = np.flatnonzero(lacking == lacking.max())
        best = best[room[best] == room[best].max()]
        chosen = int(generator.choice(best))
        bins[unit] = chosen
        wanted[chosen] -= units.counts[unit]
        room[chosen] -= units.sizes[unit]
        left[:] -= units.counts[unit]

    while (left > 0).any():
        rarest = int(np.argmin(np.where(left > 0, left, np.iinfo(np.int64).max)))
        having = generator.permutation(np.flatnonzero((bins < 0) & (units.counts[:, rarest] > 0)))
        for unit in sorted(having, key=lambda one: -units.counts[one, rarest]):  # large first, small fill gaps
            place(unit, wanted[:, rarest].copy())
    for unit in generator.permutation(np.flatnonzero(bins < 0)):  # texts without a label
        place(unit, room.copy())
    return bins


@dataclass(frozen=True)
class _Goal:
    """How much to hold out."""

    fraction: float
    """Share of the rows of each label."""
    total: int
    """Number of rows."""
    slack: int
    """Number of rows by which the total may be off."""


def _correct_total(units: _Units, held: NDArray[np.bool_], goal: _Goal, generator: np.random.Generator) -> None:
    """Move units until `goal.total` rows are held out, or as close as unit sizes allow, and every label has a kept row.

    Iterative stratification leaves a label with few rows on the larger side, so it holds out no row of many such
    labels. Each move minimizes the sum over labels of the squared distance between held rows and their share.

    Args:
        units: the units.
        held: whether each unit is held out, shape (units,); changed in place.
        goal: how much to hold out.
        generator: breaks ties.
    """
    counts, sizes = units.counts, units.sizes
    squares = (counts**2).sum(axis=1).astype(float)
    kept = counts[~held].sum(axis=0)
    excess = counts[held].sum(axis=0) - goal.fraction * counts.sum(axis=0)  # held rows minus share, per label
    overlap = counts @ excess
    stuck = np.zeros(len(held), dtype=bool)  # units that hold the last kept rows of a label

    def move(candidates: NDArray[np.bool_]) -> None:
        among = np.flatnonzero(candidates)
        growth = (squares[among] + 2 * np.where(held[among], -1, 1) * overlap[among]).round(6)
        unit = int(generator.choice(among[growth == growth.min()]))
        has = np.flatnonzero(counts[unit])
        if not held[unit] and (kept[has] == counts[unit, has]).any():
            stuck[unit] = True
            return
        moved = counts[unit, has] * (-1 if held[unit] else 1)
        held[unit] = not held[unit]
        kept[has] -= moved
        excess[has] += moved
        overlap[:] += counts[:, has] @ moved

    for label in np.flatnonzero(kept == 0):
        if kept[label] == 0 and (having := held & (counts[:, label] > 0)).any():
            move(having)
    while (surplus := int(sizes[held].sum()) - goal.total) > goal.slack and held.sum() > 1:
        if not (nearer := held & (sizes < 2 * surplus)).any():
            break
        move(nearer)
    while (missing := goal.total - int(sizes[held].sum())) > goal.slack and (~held).sum() > 1:
        free = ~held & ~stuck
        nearer = free & (sizes < 2 * missing)
        if not held.any() and not nearer.any():  # too many rows are better than none
            nearer = free & (sizes == sizes[free].min(initial=sizes.max()))
        if not nearer.any():
            break
        move(nearer)


def _spread_confined_labels(units: _Units, bins: NDArray[np.int64], n_folds: int) -> None:
    """If all units of a label are in one fold, move one of them, so that training without that fold sees the label.

    Prefer the smallest fold, and make no move that confines another label to one fold.
    """
    having = units.counts > 0
    for label in np.flatnonzero(having.sum(axis=0) > 1):
        members = np.flatnonzero(having[:, label])
        home = bins[members[0]]
        if (bins[members] != home).any():
            continue
        sizes = np.bincount(bins, weights=units.sizes, minlength=n_folds)
        targets = [fold for fold in np.argsort(sizes, kind="stable").tolist() if fold != home]
        for unit, fold in ((unit, fold) for fold in targets for unit in members.tolist()):
            others = having[:, having[unit]] & (np.arange(len(bins)) != unit)[:, None]
            if (others[bins != fold].any(axis=0) | ~others.any(axis=0)).all():
                bins[unit] = fold
                break


def _refuse_uneven(labels: Any, groups: Any) -> None:
    """Raise a DataError if labels or groups are not lists, or differ in length."""
    for name, values in (("labels", labels), ("groups", labels if groups is None else groups)):
        if getattr(values, "ndim", 1) == 0 or not hasattr(values, "__len__"):
            raise DataError(f"{name}: expected a list with one item per row, not a {type(values).__name__}.")
        if len(values) != len(labels):
            raise DataError(f"{len(labels)} rows but {len(values)} {name}.")


def _amount(rows: Rows, groups: Sequence[str] | None) -> str:
    """Return a phrase such as `1 group is` or `7 texts are`."""
    n, what = (len(rows), "text") if groups is None else (len(set(groups)), "group")
    return f"{n} {what} is" if n == 1 else f"{n} {what}s are"


def _class_counts(labels: Any) -> NDArray[np.int64] | None:
    """Return a 0/1 matrix of shape (rows, classes) for multi-label rows, or None for single labels."""
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        return labels.astype(np.int64)
    if len(labels) == 0 or isinstance(labels[0], (str, int, np.generic, Enum)):
        return None
    number = {name: n for n, name in enumerate(sorted({name for row in labels for name in row}, key=_sortable))}
    counts = np.zeros((len(labels), len(number)), dtype=np.int64)
    for row, names in enumerate(labels):
        counts[row, [number[name] for name in names]] = 1
    return counts


def _one_hot(labels: Any) -> NDArray[np.int64]:
    """Return a 0/1 matrix of shape (rows, classes) for single labels."""
    numbers = _class_numbers(labels)
    return np.eye(numbers.max(initial=-1) + 1, dtype=np.int64)[numbers]


def _class_numbers(labels: Any) -> NDArray[np.int64]:
    """Number single labels in their order, int64, shape (rows,)."""
    _, numbers = np.unique(np.array([*map(_sortable, labels)], dtype=object), return_inverse=True)
    return numbers.astype(np.int64)


def _sortable(label: Any) -> Any:
    return label_value(label) if isinstance(label, Enum) else label
