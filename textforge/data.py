"""Labelled text and its splits, label encoding, and a stratified hold-out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textforge.errors import DataError, listed

Split = tuple[Sequence[str], Sequence[str]]
"""Texts and their labels, equally long."""


@dataclass(frozen=True)
class Dataset:
    """What a dataset factory returns.

    Args:
        train: texts and labels to learn from; both are sequences of str.
        test: texts and labels for the final figures, touched by nothing before.
        valid: texts and labels to choose epochs by.
        label_names: the classes in their order; by default the sorted labels of train.
        warnings: sentences for the user about the data.

    Raises:
        DataError: texts and labels differ in number, or one of them is not text; names the row.
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
            texts, labels = split
            if len(texts) != len(labels):
                raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
            check_texts(texts, name)
            for row, label in enumerate(labels):
                if not isinstance(label, str):
                    raise DataError(
                        f"{name}: the label of row {row} is {label!r}, a {type(label).__name__}, not text. "
                        "Turn labels into text first, as in [str(y) for y in labels]."
                    )

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
            DataError: no training texts, fewer than two classes, or a given name without an example.
        """
        found = sorted(set(self.train[1]))
        names = list(self.label_names) if self.label_names is not None else found
        if not found:
            raise DataError("there are no training texts.")
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


def check_texts(texts: Sequence[str], name: str) -> None:
    """Refuse what is not text, and a single str where many are wanted.

    Raises:
        DataError: with the row.
    """
    if isinstance(texts, (str, bytes)):
        raise DataError(f"{name}: expected a list of texts, not a single one. Put it in a list: [text].")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"{name}: row {row} is {text!r}, a {type(text).__name__}, not text.")


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
        told = listed(f"'{label}' ({len(rows)} times, first in row {rows[0]})" for label, rows in unknown.items())
        raise DataError(
            f"{split}: labels that the training data lack: {told}. Known labels: {listed(names)}. "
            "Correct them, take those rows out, or add such texts to the training data."
        )
    return encoded


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
    if len(out) == 0:
        raise DataError(
            f"{len(labels)} texts are too few to hold out a fraction of {fraction:g}. "
            "Give more texts or a larger fraction."
        )
    keep = np.setdiff1d(np.arange(len(labels)), out, assume_unique=True)
    return keep, out
