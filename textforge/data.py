"""Labelled text, its splits, and labels as numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from textforge.components import Part, part_name
from textforge.errors import ComponentError, DataError, RecipeError, listed
from textforge.settings import TrainerSettings
from textforge.splits import holdout as holdout

Split = tuple[Sequence[str], Sequence[Any]]
"""Texts and their labels, equally long: one str a text, or a sequence of str where a text may have several."""


@dataclass(frozen=True)
class Dataset:
    """What a dataset factory returns.

    Each split is kept as a pair of lists, whatever sequences it was given as. Labels are str, or, where
    every one of them is a list, tuple or set of str, sets of labels ("multi-label"), kept as tuples.

    Args:
        train: texts and labels to learn from.
        test: texts and labels for the final figures, touched by nothing before.
        valid: texts and labels to choose epochs by.
        label_names: the classes in their order; by default the sorted labels of train.
        warnings: sentences for the user about the data.
        groups: a name for each training text (its author, its thread); where texts of train are held
            out, those of one group stay together.

    Raises:
        DataError: a split is empty, has not as many labels as texts, or something in it is not text;
            names the row.
    """

    train: Split
    test: Split | None = None
    valid: Split | None = None
    label_names: Sequence[str] | None = None
    warnings: tuple[str, ...] = ()
    groups: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name, split in {"train": self.train, **self.splits()}.items():
            if not isinstance(split, (tuple, list)) or len(split) != 2:
                raise DataError(f"{name}: a split is a pair (texts, labels).")
            texts, labels = as_texts(split[0], name), as_labels(split[1], name)
            if len(texts) != len(labels):
                raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
            if not texts:
                raise DataError(f"{name}: there are no texts." + ("" if name == "train" else " Leave this split out."))
            object.__setattr__(self, name, (texts, labels))
            if isinstance(labels[0], tuple) != self.multi_label:
                raise DataError(f"{name}: labels are single in one split and lists in another. Give lists in both.")
        if self.label_names is not None:
            object.__setattr__(self, "label_names", _column(self.label_names, "label_names", "name"))
        if self.groups is not None:
            advice = " Turn groups into text first, as in [str(group) for group in groups]."
            object.__setattr__(self, "groups", _column(self.groups, "groups", "group", other=advice))
            if len(self.groups) != len(self.train[0]):
                raise DataError(f"{len(self.train[0])} training texts but {len(self.groups)} groups.")

    @property
    def multi_label(self) -> bool:
        """Whether a text has a set of labels, rather than one."""
        return isinstance(self.train[1][0], tuple)

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
        given = self.train[1]
        found = sorted({name for row in given for name in row} if self.multi_label else set(given))
        names = list(self.label_names) if self.label_names is not None else found
        if not found:
            raise DataError(f"none of the {len(given)} training texts has a label.")
        if len(found) < 2 and not self.multi_label:
            raise DataError(
                f"all {len(given)} training texts have the label '{found[0]}'. A classifier needs at least two classes."
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
            named = [json.dumps(row, ensure_ascii=False) for row in labels] if self.multi_label else labels
            for column in (texts, named):
                lengths = np.fromiter((len(item) for item in column), dtype="<i8", count=len(column))
                digest.update(lengths.tobytes())
                for item in column:
                    digest.update(item.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def repeated_texts(self) -> list[str]:
        """A sentence for each split that has texts of the training split in it."""
        train = set(self.train[0])
        told = []
        for name, (texts, _) in self.splits().items():
            if name != "train" and (rows := [row for row, text in enumerate(texts) if text in train]):
                shown = listed((str(row + 1) for row in rows), limit=5)
                told.append(
                    f"{len(rows)} of the {len(texts)} {name} texts stand in train word for word (rows {shown}): "
                    f"figures on {name} may be too good."
                )
        return told


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


def as_labels(labels: Iterable[Any], name: str) -> list[Any]:
    """Labels as a list of str or, where there are several a text, of tuples of str.

    Raises:
        DataError: one of them is neither, or some are single and others not; names the row.
    """
    if isinstance(labels, Iterable) and not isinstance(labels, (list, str, bytes, Mapping, set, frozenset)):
        labels = list(labels)
    if not isinstance(labels, list) or not any(map(_several, labels)):
        advice = " Turn labels into text first, as in [str(y) for y in labels]."
        found = _column(cast("Iterable[str]", labels), name, "label", other=advice)
        return [str(label) for label in found]  # numpy's text becomes Python's
    rows = []
    for index, row in enumerate(labels):
        if not _several(row):
            raise DataError(
                f"{name}: the label at index {index} is {row!r}, where others are lists of labels. "
                "Give a list for every text, an empty one where a text has no label."
            )
        names = sorted(row, key=str) if isinstance(row, (set, frozenset)) else list(row)
        if wrong := [label for label in names if not isinstance(label, str)]:
            raise DataError(
                f"{name}: a label at index {index} is {wrong[0]!r}, a {type(wrong[0]).__name__}, which is not text. "
                "Give the names of each text's labels, as in ['sport', 'news']."
            )
        rows.append(tuple(dict.fromkeys(map(str, names))))
    return rows


def _several(label: Any) -> bool:
    """Whether this is a set of labels rather than one: a list, or an array or column of polars or pandas."""
    one = isinstance(label, (str, bytes, Mapping)) or getattr(label, "ndim", 1) == 0
    return isinstance(label, Iterable) and not one


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


def encode_labels(labels: Sequence[Any], names: Sequence[str], split: str) -> NDArray[Any]:
    """Labels as class numbers, int64, shape (n,); sets of labels as 0 and 1, float32, shape (n, len(names)).

    Raises:
        DataError: a label is not among `names`; says which, how often, and where first.
    """
    number = {name: n for n, name in enumerate(names)}
    several = len(labels) > 0 and not isinstance(labels[0], str)
    encoded = np.zeros((len(labels), len(names)), np.float32) if several else np.empty(len(labels), np.int64)
    unknown: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        for name in label if several else (label,):
            found = number.get(name)
            if found is None:
                unknown.setdefault(name, []).append(row)
            elif several:
                encoded[row, found] = 1
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
) -> dict[str, tuple[list[str], NDArray[Any]]]:
    """The texts and encoded labels to train on and, where the settings or the dataset have any, to validate on.

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
        kept, held = holdout(y, settings.validation, seed, dataset.groups)
        left = y[kept].sum(axis=0) if dataset.multi_label else np.bincount(y[kept], minlength=len(labels))
        if not left.all():
            lost = listed(labels[n] for n in np.flatnonzero(left == 0).tolist())
            raise DataError(
                f"trainer.validation {settings.validation:g} would hold out every training text of: {lost}. "
                "Hold out less, give more texts (or groups) of these labels, or leave them out."
            )
        parts = {"train": kept, "valid": held}
        return {name: ([texts[row] for row in rows], y[rows]) for name, rows in parts.items()}
    if settings.patience is not None:
        raise RecipeError("trainer.patience needs a validation split. Set trainer.validation, for instance to 0.1.")
    return {"train": (texts, y)}
