"""The texts to train on and to validate on, with encoded labels and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textforge.components.settings import TrainerSettings
from textforge.data.dataset import Dataset
from textforge.data.gold import Gold, encode_gold, encode_labels
from textforge.data.remarks import Hashes, between, too_few
from textforge.data.splits import holdout
from textforge.data.streams import Stream
from textforge.data.weights import Weights, refuse_all_zero
from textforge.errors import DataError, RecipeError


class Encoded(NamedTuple):
    """Texts, and their labels and weights as arrays."""

    texts: list[str]
    y: NDArray[Any]
    """See `encode_labels`."""
    weights: Weights | None = None
    """Float64, shape (n,); None if all texts count equally."""

    def rows(self, rows: NDArray[np.int64], name: str) -> Encoded:
        """Return some of the texts.

        Raises:
            DataError: none of these texts has a weight above 0; the message calls them `name`.
        """
        weights = None if self.weights is None else self.weights[rows]
        refuse_all_zero(weights, name)
        return Encoded([self.texts[row] for row in rows.tolist()], self.y[rows], weights)


@dataclass(frozen=True)
class TrainingSplits:
    """The training and validation data of a trainer."""

    train: Encoded | None
    """None for a stream, which is read during training."""
    valid: Encoded | None = None
    remarks: tuple[str, ...] = ()
    """Sentences about the texts held out of train, to show next to the metrics."""
    valid_gold: Gold | None = None
    """How the labels of a validation split of the dataset were encoded."""


def split_for_training(dataset: Dataset, labels: Sequence[Any], settings: TrainerSettings, seed: int) -> TrainingSplits:
    """Return the texts and encoded labels to train on, and those to validate on if there are any.

    The validation split comes from the dataset, or is held out of train as `settings.validation` says.

    Raises:
        DataError: a label is unknown (see `encode_gold`), or there are too few texts to hold any out.
        RecipeError: the dataset and the settings both give a validation split, `settings.patience` is set
            without one, or texts would have to be held out of a stream.
    """
    train: Encoded | None = None
    if not isinstance(dataset.train, Stream):
        y = encode_labels(dataset.train[1], labels, "train")
        train = Encoded(list(dataset.train[0]), y, dataset.weights_of("train"))
    if dataset.valid is not None:
        if settings.validation:
            raise RecipeError(
                "trainer.validation would hold out training texts, but the dataset has a "
                "validation split of its own. Remove trainer.validation."
            )
        given, weights = dataset.valid[0], dataset.weights_of("valid")
        gold = encode_gold(dataset.valid[1], labels, "valid", settings.unknown_labels, weights)
        if len(gold.unknown_rows) == len(given):
            raise DataError(f"valid: the training data lack the labels of all {len(given)} texts.")
        if gold.weights is not None and gold.rows is None:  # the loss leaves out texts with an unknown label
            known = np.setdiff1d(np.arange(len(given)), [*gold.unknown_rows])
            refuse_all_zero(gold.weights[known], "valid, without unknown labels")
        valid = list(given) if gold.rows is None else [given[row] for row in gold.rows.tolist()]
        return TrainingSplits(train, Encoded(valid, gold.y, gold.weights), valid_gold=gold)
    if settings.validation:
        if train is None or isinstance(dataset.train, Stream):
            raise RecipeError(
                "trainer.validation needs training texts in memory, but they are a stream. "
                "Give the dataset a validation split, and remove trainer.validation."
            )
        kept, held = holdout(train.y, settings.validation, seed, dataset.groups)
        hashes = Hashes.of(*dataset.train)
        remarks = [
            *too_few("validation", len(held)),
            *between("validation", hashes[held], "train", hashes[kept], rows=held),
        ]
        return TrainingSplits(train.rows(kept, "train"), train.rows(held, "validation"), tuple(remarks))
    if settings.patience is not None:
        raise RecipeError("trainer.patience needs a validation split. Set trainer.validation, for example to 0.1.")
    return TrainingSplits(train)
