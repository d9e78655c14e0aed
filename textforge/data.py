"""Labelled text and its splits, label encoding, and a stratified hold-out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components import Part, part_name
from textforge.errors import ComponentError, DataError, RecipeError, listed
from textforge.settings import TrainerSettings

Split = tuple[Sequence[str], Sequence[str]]
"""Texts and their labels, equally long."""


@dataclass(frozen=True)
class Dataset:
    """What a dataset factory returns.

    Each split is kept as a pair of lists, whatever sequences of str it was given as.

    Args:
        train: texts and labels to learn from.
        test: texts and labels for the final figures, touched by nothing before.
        valid: texts and labels to choose epochs by.
        label_names: the classes in their order; by default the sorted labels of train.
        warnings: sentences for the user about the data.

    Raises:
        DataError: a split is empty, has not as many labels as texts, or something in it is not text;
            names the row.
    """

    train: Split
    test: Split | None = None
    valid: Split | None = None
    label_names: Sequence[str] | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, split in self.splits().items():
            if not isinstance(split, (tuple, list)) or len(split) != 2:
                raise DataError(f"{name}: a split is a pair (texts, labels).")
            texts, labels = as_texts(split[0], name), _as_labels(split[1], name)
            if len(texts) != len(labels):
                raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
            if not texts:
                raise DataError(f"{name}: there are no texts." + ("" if name == "train" else " Leave this split out."))
            object.__setattr__(self, name, (texts, labels))

    def splits(self) -> dict[str, Split]:
        """The splits that there are, by name."""
        return {
            name: split
            for name, split in (("train", self.train), ("valid", self.valid), ("test", self.test))
            if split is not None
        }

    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the model's outputs.

        Raises:
            DataError: fewer than two classes, or a given name without an example.
        """
        found = sorted(set(self.train[1]))
        names = list(self.label_names) if self.label_names is not None else found
        if len(found) < 2:
            raise DataError(
                f"all {len(self.train[1])} training texts have the label '{found[0]}'. "
                "A classifier needs at least two classes."
            )
        if len(set(names)) != len(names):
            raise DataError("label_names has a name twice.")
        if unnamed := [name for name in found if name not in names]:
            raise DataError(f"training labels that label_names lacks: {listed(unnamed)}.")
        if empty := [name for name in names if name not in found]:
            raise DataError(f"classes without a training text: {listed(empty)}.")
        return tuple(names)

    def fingerprint(self) -> str:
        """SHA-256 over every text and label of every split, in order."""
        digest = hashlib.sha256()
        for name, (texts, labels) in self.splits().items():
            digest.update(f"{name}:{len(texts)}\n".encode())
            for column in (texts, labels):
                lengths = np.fromiter((len(item) for item in column), dtype="<i8", count=len(column))
                digest.update(lengths.tobytes())
                for item in column:
                    digest.update(item.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def as_dataset(dataset: Any, seed: int) -> Dataset:
    """A `Dataset`, or what a dataset `Part` builds.

    Raises:
        ComponentError: the part built something else.
        DataError: it is neither.
    """
    found = dataset.build({"seed": seed}) if isinstance(dataset, Part) else dataset
    if isinstance(found, Dataset):
        return found
    if isinstance(dataset, Part):
        raise ComponentError(f"{part_name(dataset)} returned a {type(found).__name__}, not a textforge.Dataset.")
    raise DataError(
        f"a {type(found).__name__} is no dataset. Give a textforge.Dataset(train=(texts, labels)), or a dataset part."
    )


def as_texts(texts: Iterable[str], name: str) -> list[str]:
    """Texts as a list, each found to be text. Indexing what was given may mean something else (pandas).

    Raises:
        DataError: one of them is not text, or a single str stands where many are wanted.
    """
    return _column(texts, name, "text", single=" Put it in a list: [text].")


def _as_labels(labels: Iterable[str], name: str) -> list[str]:
    advice = " Turn labels into text first, as in [str(y) for y in labels]."
    return [str(label) for label in _column(labels, name, "label", other=advice)]  # numpy's text becomes Python's


def _column(values: Iterable[str], name: str, what: str, *, single: str = "", other: str = "") -> list[str]:
    """Values as a list of str; `single` and `other` are advice for a lone str, and for what is no str."""
    if isinstance(values, (str, bytes)):
        raise DataError(f"{name}: expected a list of {what}s, not a single one.{single}")
    if not isinstance(values, Iterable) or isinstance(values, (set, frozenset, Mapping)):
        raise DataError(f"{name}: expected a list of {what}s, not a {type(values).__name__}.")
    found = values if isinstance(values, list) else list(values)
    for index, value in enumerate(found):
        if not isinstance(value, str):
            raise DataError(
                f"{name}: the {what} at index {index} is {value!r}, a {type(value).__name__}, which is not text.{other}"
            )
    return found


def encode_labels(labels: Sequence[str], names: Sequence[str], split: str) -> NDArray[np.int64]:
    """Labels as class numbers, shape (len(labels),).

    Raises:
        DataError: a label is not among `names`; says which, how often, and where first.
    """
    number = {name: n for n, name in enumerate(names)}
    unknown: dict[str, list[int]] = {}
    encoded = np.empty(len(labels), dtype=np.int64)
    for row, label in enumerate(labels):
        found = number.get(label)
        if found is None:
            unknown.setdefault(label, []).append(row)
        else:
            encoded[row] = found
    if unknown:
        told = listed(f"'{label}' ({len(rows)} times, first in row {rows[0] + 1})" for label, rows in unknown.items())
        raise DataError(
            f"{split}: labels that the training data lack: {told}. Known labels: {listed(names)}. "
            "Correct them, take those rows out, or add such texts to the training data."
        )
    return encoded


def split_for_training(
    dataset: Dataset, labels: Sequence[str], settings: TrainerSettings, seed: int
) -> dict[str, tuple[list[str], NDArray[np.int64]]]:
    """The texts and class numbers to train on and, where the settings or the dataset have any, to validate on.

    Raises:
        DataError: a label is unknown, or there are too few texts to hold any out.
        RecipeError: two validation splits are asked for, or none where one is needed.
    """
    texts, y = list(dataset.train[0]), encode_labels(dataset.train[1], labels, "train")
    if dataset.valid is not None:
        if settings.validation:
            raise RecipeError(
                "trainer.validation would hold out training texts, but the dataset brings a "
                "validation split of its own. Leave trainer.validation out."
            )
        valid = (list(dataset.valid[0]), encode_labels(dataset.valid[1], labels, "valid"))
        return {"train": (texts, y), "valid": valid}
    if settings.validation:
        rows = zip(("train", "valid"), stratified_holdout(y, settings.validation, seed), strict=True)
        return {name: ([texts[row] for row in chosen], y[chosen]) for name, chosen in rows}
    if settings.patience is not None:
        raise RecipeError("trainer.patience needs a validation split. Set trainer.validation, for instance to 0.1.")
    return {"train": (texts, y)}


def stratified_holdout(
    labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
