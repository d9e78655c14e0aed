"""Rows held out and rows in folds: stratified by label, with several labels a row, or by whole groups."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.errors import DataError

Rows = NDArray[np.int64]


def holdout(labels: Any, fraction: float, seed: int, groups: Sequence[str] | None = None) -> tuple[Rows, Rows]:
    """Row numbers to keep and to hold out, each ascending.

    round(fraction * rows) rows are held out, at least one, dealt over the labels by their share. Every label keeps
    a row. Groups are moved whole, so with them the total is as near as their sizes allow, to 1 %.

    Args:
        labels: one label a row (str or number), or a set of labels a row (sequences of str, or a 0/1
            matrix of shape (rows, classes)).
        fraction: share of the rows to hold out, above 0 and below 1.
        seed: what the draw follows from.
        groups: a name for each row; rows of one name stay on one side.

    Raises:
        DataError: there are too few rows, or groups, to hold any out, or not as many groups as rows.
    """
    _refuse_uneven(labels, groups)
    counts = _class_counts(labels)
    if counts is None and groups is None:
        _, numbers = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
        return stratified_holdout(numbers.astype(np.int64), fraction, seed)
    units = _Units.of(_one_hot(labels) if counts is None else counts, groups)
    generator = np.random.default_rng([seed, 0x5EED])
    held_out = _spread(units, [1 - fraction, fraction], generator) == 1
    total = max(1, round(fraction * len(units.of_row)))
    _correct_total(units, held_out, total, fraction, 0 if groups is None else total // 100, generator)
    if not held_out.any() or held_out.all():
        raise DataError(
            f"{_amount(units.of_row, groups)} too few to hold out a fraction of {fraction:g}. "
            "Give more texts or another fraction."
        )
    rows = held_out[units.of_row]
    return np.flatnonzero(~rows), np.flatnonzero(rows)


def folds(labels: Any, n_folds: int, seed: int, groups: Sequence[str] | None = None) -> list[Rows]:
    """The rows of each fold, ascending; every row is in one. Arguments as for `holdout`.

    A label with fewer rows than folds is in as many folds as it has rows (or groups).

    Raises:
        DataError: there are fewer rows or groups than folds, or not as many groups as rows.
    """
    _refuse_uneven(labels, groups)
    counts = _class_counts(labels)
    if counts is None and groups is None:
        _, numbers = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
        generator = np.random.default_rng([seed, 0xF01D])
        bins = np.empty(len(numbers), dtype=np.int64)
        dealt = 0
        for number in np.unique(numbers):  # dealt out like cards, so that the folds' sizes differ by one at most
            rows = generator.permutation(np.flatnonzero(numbers == number))
            bins[rows] = (dealt + np.arange(len(rows))) % n_folds
            dealt += len(rows)
    else:
        units = _Units.of(_one_hot(labels) if counts is None else counts, groups)
        found = _spread(units, [1 / n_folds] * n_folds, np.random.default_rng([seed, 0x5EED]))
        _part_labels(units, found, n_folds)
        bins = found[units.of_row]
    parts = [np.flatnonzero(bins == number) for number in range(n_folds)]
    if not all(map(len, parts)):
        raise DataError(f"{_amount(bins, groups)} too few for {n_folds} folds.")
    return parts


def stratified_holdout(labels: NDArray[np.int64], fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Row numbers to keep and to hold out, each ascending; every class gives its share and keeps a row.

    round(fraction * rows) rows are held out, at least one. Which rows of a class those are is drawn from `seed`.

    Raises:
        DataError: there are too few texts to hold any out.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if len(classes) == len(labels) > 1:
        raise DataError(f"each of the {len(labels)} texts has a label of its own: is it the right column of labels?")
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
    """How many rows each class gives: the method of largest remainders (Hamilton), so that the total is kept.

    A class keeps a row. The shares that very small classes cannot give for that are given by the others: first by
    those that lack most to their quota, then, where none lacks anything, in proportion to their sizes.

    Args:
        sizes: rows of each class.
        fraction: share of all rows that is held out.
        seed: breaks ties.
    """
    quotas = [fraction * size for size in sizes]
    shares = [min(int(quota), size - 1) for quota, size in zip(quotas, sizes, strict=True)]
    total = min(max(1, round(fraction * sum(sizes))), sum(sizes) - len(sizes))
    ties = np.random.default_rng([seed, 0x71E5]).permutation(len(sizes)).tolist()

    def rank(n: int) -> tuple[float, bool, int, int]:
        lack = round(quotas[n] - shares[n], 9)
        # A remainder of exactly one half goes by Python's rounding before it goes by the tie's draw.
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
    """What is moved whole: groups of rows, or single rows."""

    counts: NDArray[np.int64]
    """Rows of each label, shape (units, labels)."""
    sizes: NDArray[np.int64]
    """Rows of each unit."""
    of_row: NDArray[np.int64]
    """The unit of each row."""

    @classmethod
    def of(cls, counts: NDArray[np.int64], groups: Sequence[str] | None) -> _Units:
        names = np.arange(len(counts)) if groups is None else np.asarray(groups, dtype=object)
        _, of_row = np.unique(names, return_inverse=True)
        sizes = np.bincount(of_row)
        summed = np.zeros((len(sizes), counts.shape[1]), dtype=np.int64)
        np.add.at(summed, of_row, counts)
        return cls(summed, sizes, of_row)


def _spread(units: _Units, shares: Sequence[float], generator: np.random.Generator) -> NDArray[np.int64]:
    """The bin of each unit, so that each bin gets its share of every label.

    Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011): the label with the fewest rows left
    goes first, each of its units to the bin that lacks most of it. A group is a unit with many labels.
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
        for unit in sorted(having, key=lambda one: -units.counts[one, rarest]):  # large ones first; the rest fills up
            place(unit, wanted[:, rarest].copy())
    for unit in generator.permutation(np.flatnonzero(bins < 0)):  # texts without a label
        place(unit, room.copy())
    return bins


def _correct_total(
    units: _Units, held: NDArray[np.bool_], total: int, fraction: float, slack: int, generator: np.random.Generator
) -> None:
    """Move units until the held rows are `total`, or as near as sizes allow, and every label has a row that is kept.

    Iterative stratification leaves a label of few rows on the larger side, so that of many such labels nothing is
    held out. Each move here is the one after which the labels' squared distances from their shares are smallest.

    Args:
        held: whether each unit is held out; changed in place.
        slack: rows by which the total may be off.
    """
    counts, sizes = units.counts, units.sizes
    squares = (counts**2).sum(axis=1).astype(float)
    kept = counts[~held].sum(axis=0)
    excess = counts[held].sum(axis=0) - fraction * counts.sum(axis=0)  # held rows of each label beyond its share
    overlap = counts @ excess
    stuck = np.zeros(len(held), dtype=bool)  # units with the last kept rows of a label

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
    while (surplus := int(sizes[held].sum()) - total) > slack and held.sum() > 1:
        if not (nearer := held & (sizes < 2 * surplus)).any():
            break
        move(nearer)
    while (missing := total - int(sizes[held].sum())) > slack and (~held).sum() > 1:
        free = ~held & ~stuck
        nearer = free & (sizes < 2 * missing)
        if not held.any() and not nearer.any():  # rather too many rows than none
            nearer = free & (sizes == sizes[free].min(initial=sizes.max()))
        if not nearer.any():
            break
        move(nearer)


def _part_labels(units: _Units, bins: NDArray[np.int64], n_folds: int) -> None:
    """Where all units of a label stand in one fold, move one to another, so that the label can be learnt without it.

    The smallest fold comes first, and no other label may get into the same state.
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
    """Raises: DataError: labels or groups are no lists, or not equally long."""
    for name, values in (("labels", labels), ("groups", labels if groups is None else groups)):
        if getattr(values, "ndim", 1) == 0 or not hasattr(values, "__len__"):
            raise DataError(f"{name}: expected a list with one for each row, not a {type(values).__name__}.")
        if len(values) != len(labels):
            raise DataError(f"{len(labels)} rows but {len(values)} {name}.")


def _amount(rows: Rows, groups: Sequence[str] | None) -> str:
    """`1 group is`, `7 texts are`."""
    n, what = (len(rows), "text") if groups is None else (len(set(groups)), "group")
    return f"{n} {what} is" if n == 1 else f"{n} {what}s are"


def _class_counts(labels: Any) -> NDArray[np.int64] | None:
    """0/1 for each row and class where a row has a set of labels, else None."""
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        return labels.astype(np.int64)
    if len(labels) == 0 or isinstance(labels[0], (str, int, np.integer)):
        return None
    number = {name: n for n, name in enumerate(sorted({name for row in labels for name in row}))}
    counts = np.zeros((len(labels), len(number)), dtype=np.int64)
    for row, names in enumerate(labels):
        counts[row, [number[name] for name in names]] = 1
    return counts


def _one_hot(labels: Any) -> NDArray[np.int64]:
    names, numbers = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    return np.eye(len(names), dtype=np.int64)[numbers]
