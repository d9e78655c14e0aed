"""The folds of the training texts on which trials are measured: smaller ones first, the test split never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textforge.data.dataset import Dataset
from textforge.data.splits import folds, holdout
from textforge.data.streams import Stream
from textforge.errors import DataError, RecipeError
from textforge.runs.fold_dataset import Rows, fold_dataset

FOLDS = 5
"""Number of folds. Trials are compared on the first; the others are kept for the finalists."""
SMALLEST = 4000
"""Number of texts of the first rung, if there are more than twice as many to train on."""
GROWTH = 4
"""How many times as many texts each rung has as the one before."""


class Place(NamedTuple):
    """Where a trial is measured: on which fold, and with how many texts to train on."""

    fold: int
    """Number of the fold that is held out, from 0."""
    size: int | None = None
    """Number of texts to train on; None for all of the other folds."""

    def __str__(self) -> str:
        return f"{self.fold}" if self.size is None else f"{self.fold}-{self.size}"


@dataclass(frozen=True)
class Folds:
    """The training texts in folds: stratified by label, whole groups together."""

    dataset: Dataset
    """Without its test split."""
    labels: tuple[Any, ...]
    held_out: list[NDArray[np.int64]]
    """The rows of each fold."""
    seed: int

    @classmethod
    def of(cls, dataset: Dataset, seed: int) -> Folds:
        """Divide the training texts.

        Raises:
            RecipeError: they are a stream.
            DataError: there are too few.
        """
        if isinstance(dataset.train, Stream):
            raise RecipeError("train is a stream; tuning divides texts in memory. Tune on a part of the texts.")
        units = len(dataset.train[0]) if dataset.groups is None else len({*dataset.groups})
        n_folds = min(FOLDS, units)
        if n_folds < 2:
            raise DataError("tuning holds out some training texts, and there is only one text or group. Give more.")
        held_out = folds(dataset.train[1], n_folds, seed, dataset.groups)
        return cls(dataset.without("test"), dataset.labels(), held_out, seed)

    @property
    def n_texts(self) -> int:
        return sum(map(len, self.held_out))

    def n_kept(self, place: Place) -> int:
        """The number of texts to train on."""
        whole = self.n_texts - len(self.held_out[place.fold])
        return whole if place.size is None else min(place.size, whole)

    def rungs(self) -> list[Place]:
        """The places of a trial's search, each with more texts than the one before; the last has all of a fold's."""
        whole, sizes, size = self.n_kept(Place(0)), list[int | None](), SMALLEST
        while 2 * size < whole:
            sizes.append(size)
            size *= GROWTH
        return [Place(0, one) for one in (*sizes, None)]

    def fresh(self) -> list[Place]:
        """The places that no search looks at."""
        return [Place(number) for number in range(1, len(self.held_out))]

    def rows(self, place: Place) -> Rows:
        """The rows to train on and to test on; fewer texts to train on are drawn in proportion to the labels."""
        out = self.held_out[place.fold]
        kept = np.setdiff1d(np.arange(self.n_texts), out, assume_unique=True)
        if self.n_kept(place) < len(kept):
            assert not isinstance(self.dataset.train, Stream)
            gold = [self.dataset.train[1][row] for row in kept]
            groups = None if self.dataset.groups is None else [self.dataset.groups[row] for row in kept]
            _, some = holdout(gold, self.n_kept(place) / len(kept), self.seed, groups)
            kept = kept[some]
        return Rows(kept, out)

    def fold(self, place: Place) -> Dataset:
        """The dataset of a place; its test split is the fold that is held out."""
        return fold_dataset(self.dataset, self.rows(place), self.labels, whole_valid=False)
