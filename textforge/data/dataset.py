"""Labelled text and its splits."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any

from numpy.typing import NDArray

from textforge.components.part import Part, part_name
from textforge.components.settings import TrainerSettings
from textforge.data.encoding import (
    add_to_digest,
    as_column,
    as_labels as as_labels,
    as_texts as as_texts,
    encode_labels as encode_labels,
    refuse_unencodable,
)
from textforge.data.remarks import Hashes, TrainHashes, between, too_few
from textforge.data.similar_labels import normal_label as normal_label, similar_label_warnings
from textforge.data.splits import holdout as holdout
from textforge.data.streams import Stream as Stream
from textforge.errors import ComponentError, DataError, RecipeError, listed

Split = tuple[Sequence[str], Sequence[Any]]
"""Texts and their labels, equally long: one str a text, or a sequence of str where a text may have several."""


@dataclass(frozen=True)
class Dataset:
    """What a dataset factory returns.

    Each split is kept as a pair of lists, whatever sequences it was given as. Labels are str, or, where
    every one of them is a list, tuple or set of str, sets of labels ("multi-label"), kept as tuples.

    Args:
        train: texts and labels to learn from; or a `Stream` of them, which need not fit in memory.
        test: texts and labels for the final figures, touched by nothing before.
        valid: texts and labels to choose epochs by.
        label_names: the classes in their order; by default the labels of train, sorted as `sorted_labels` does.
        warnings: sentences for the user about the data.
        groups: a name for each training text (its author, its thread); where texts of train are held
            out, those of one group stay together.

    Raises:
        DataError: a split is empty, has not as many labels as texts, something in it is not text, or a label
            is text that UTF-8 cannot hold; names the row.
    """

    train: Split | Stream
    test: Split | None = None
    valid: Split | None = None
    label_names: Sequence[str] | None = None
    warnings: tuple[str, ...] = ()
    groups: Sequence[str] | None = None
    _repeated: list[str] | None = field(default=None, init=False, repr=False, compare=False)
    """What `repeated_texts` found, once train was read to its end."""

    def __post_init__(self) -> None:
        streams = isinstance(self.train, Stream)
        if streams and self.groups is not None:
            raise DataError("groups are for texts that are held out of train, and none are held out of a stream.")
        for name, split in {**({} if streams else {"train": self.train}), **self.splits()}.items():
            if not isinstance(split, (tuple, list)) or len(split) != 2:
                raise DataError(f"{name}: a split is a pair (texts, labels).")
            texts, labels = as_texts(split[0], name), as_labels(split[1], name)
            if len(texts) != len(labels):
                raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
            if not texts:
                raise DataError(f"{name}: there are no texts." + ("" if name == "train" else " Leave this split out."))
            object.__setattr__(self, name, (texts, labels))
            if not streams:
                self._refuse_mixed(name)
        told = (warning.encode("utf-8", "backslashreplace").decode() for warning in self.warnings)
        object.__setattr__(self, "warnings", tuple(told))  # they may name files whose names are no UTF-8
        if self.label_names is not None:
            object.__setattr__(self, "label_names", as_column(self.label_names, "label_names", "name"))
            refuse_unencodable(self.label_names, "label_names")
        if self.groups is not None:
            advice = " Turn groups into text first, as in [str(group) for group in groups]."
            object.__setattr__(self, "groups", as_column(self.groups, "groups", "group", other=advice))
            if len(self.groups) != self.n_train:
                raise DataError(f"{self.n_train} training texts but {len(self.groups)} groups.")

    def _refuse_mixed(self, name: str) -> None:
        split = self.splits()[name]
        if isinstance(split[1][0], tuple) != self.multi_label:
            raise DataError(f"{name}: labels are single in one split and lists in another. Give lists in both.")

    @property
    def n_train(self) -> int:
        """How many training texts there are."""
        return self.train.n_texts if isinstance(self.train, Stream) else len(self.train[0])

    @property
    def multi_label(self) -> bool:
        """Whether a text has a set of labels, rather than one."""
        return self.train.multi_label if isinstance(self.train, Stream) else isinstance(self.train[1][0], tuple)

    def label_counts(self) -> Mapping[str, int]:
        """How many training texts have each label."""
        if isinstance(self.train, Stream):
            return self.train.label_counts
        return Counter(chain.from_iterable(self.train[1]) if self.multi_label else self.train[1])

    def splits(self) -> dict[str, Split]:
        """The splits that are in memory, by name: all that there are, but for a train that is a stream."""
        return {
            name: split
            for name, split in (("train", self.train), ("valid", self.valid), ("test", self.test))
            if split is not None and not isinstance(split, Stream)
        }

    def train_chunks(self) -> Iterator[list[str]]:
        """The training texts, some after the other, in their order."""
        others = {name: Hashes.of(*split) for name, split in self.splits().items() if name != "train"}
        hashes = TrainHashes(others)
        for texts, labels in self.train.chunks() if isinstance(self.train, Stream) else [self.train]:
            hashes.add(texts, labels)
            yield list(texts)
        object.__setattr__(self, "_repeated", [*hashes.remarks()])

    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the model's outputs.

        Raises:
            DataError: fewer than two classes, or a given name without an example.
        """
        if isinstance(self.train, Stream):
            for name in self.splits():
                self._refuse_mixed(name)
        found, n = sorted_labels(self.label_counts()), self.n_train
        names = list(self.label_names) if self.label_names is not None else found
        if not found:
            raise DataError(f"none of the {n} training texts has a label.")
        if len(found) < 2 and not self.multi_label:
            raise DataError(
                f"all {n} training texts have the label '{found[0]}'. A classifier needs at least two classes."
            )
        if len(set(names)) != len(names):
            raise DataError("label_names has a name twice.")
        if unnamed := [name for name in found if name not in names]:
            raise DataError(f"training labels that label_names lacks: {listed(unnamed)}.")
        if empty := [name for name in names if name not in found]:
            raise DataError(f"classes without a training text: {listed(empty)}.")
        return tuple(names)

    def similar_labels(self) -> list[str]:
        """A sentence for each way in which labels of train look alike: see `textforge.data.similar_labels`."""
        return similar_label_warnings(self.label_counts())

    def fingerprint(self) -> str:
        """SHA-256 over every text and label of every split, in order."""
        digest = hashlib.sha256()
        if isinstance(self.train, Stream):
            digest.update(f"train:{self.train.n_texts}:{self.train.fingerprint}\n".encode())
        for name, (texts, labels) in self.splits().items():
            digest.update(f"{name}:{len(texts)}\n".encode())
            add_to_digest(digest, texts, labels)
        return digest.hexdigest()

    def repeated_texts(self) -> list[str]:
        """Sentences on texts that stand in a split twice, with one label or several, or in two splits.

        Word for word, that is; a stream is read for it, unless `train_chunks` has read it to its end.
        """
        if self._repeated is None:
            deque(self.train_chunks(), maxlen=0)
        return [*(self._repeated or ())]

    def remarks(self) -> list[str]:
        """What a reader of the figures should know: labels that look alike, small splits, repeated texts."""
        sizes = {name: len(texts) for name, (texts, _) in self.splits().items() if name != "train"}
        small = chain.from_iterable(too_few(name, n) for name, n in sizes.items())
        return [*self.similar_labels(), *small, *self.repeated_texts()]


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def as_numbers(labels: Iterable[str]) -> list[Decimal] | None:
    """Labels as exact numbers; None unless all are, whole or with decimals, in ASCII digits: -1, 10, 4.5."""
    names = list(labels)
    return [Decimal(name) for name in names] if all(map(_NUMBER.fullmatch, names)) else None


def sorted_labels(labels: Iterable[str]) -> list[str]:
    """Labels by size where all of them are numbers (1, 2, 10), else by code points."""
    names = sorted(labels)
    if (numbers := as_numbers(names)) is None:
        return names
    return [name for _, name in sorted(zip(numbers, names, strict=True))]


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


Encoded = tuple[list[str], NDArray[Any]]
"""Texts and their encoded labels."""


@dataclass(frozen=True)
class TrainingSplits:
    """What a trainer learns from, and what it validates on."""

    train: Encoded | None
    """None where the texts are a stream, which is read as training goes on."""
    valid: Encoded | None = None
    remarks: tuple[str, ...] = ()
    """What a reader of the figures should know of texts that were held out of train."""


def split_for_training(dataset: Dataset, labels: Sequence[str], settings: TrainerSettings, seed: int) -> TrainingSplits:
    """The texts and encoded labels to train on and, where the settings or the dataset have any, to validate on.

    Raises:
        DataError: a label is unknown, or there are too few texts to hold any out.
        RecipeError: two validation splits are asked for, or none where one is needed, or texts are to be
            held out of a stream.
    """
    train: Encoded | None = None
    if not isinstance(dataset.train, Stream):
        train = (list(dataset.train[0]), encode_labels(dataset.train[1], labels, "train"))
    if dataset.valid is not None:
        if settings.validation:
            raise RecipeError(
                "trainer.validation would hold out training texts, but the dataset brings a "
                "validation split of its own. Leave trainer.validation out."
            )
        return TrainingSplits(train, (list(dataset.valid[0]), encode_labels(dataset.valid[1], labels, "valid")))
    if settings.validation:
        if train is None or isinstance(dataset.train, Stream):
            raise RecipeError(
                "trainer.validation holds out of texts in memory, but the training texts are a stream. "
                "Let the dataset bring a validation split, and leave trainer.validation out."
            )
        texts, y = train
        kept, held = holdout(y, settings.validation, seed, dataset.groups)
        hashes = Hashes.of(*dataset.train)
        remarks = [
            *too_few("validation", len(held)),
            *between("validation", hashes[held], "train", hashes[kept], rows=held),
        ]
        left, out = (([texts[row] for row in rows], y[rows]) for rows in (kept, held))
        return TrainingSplits(left, out, tuple(remarks))
    if settings.patience is not None:
        raise RecipeError("trainer.patience needs a validation split. Set trainer.validation, for instance to 0.1.")
    return TrainingSplits(train)
