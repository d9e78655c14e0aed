"""Labelled text and its splits."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from numpy.typing import NDArray

from textforge.components.part import Part, part_name
from textforge.components.settings import TrainerSettings
from textforge.data.encoding import (
    add_to_digest,
    are_sets,
    as_column,
    as_labels as as_labels,
    as_texts as as_texts,
)
from textforge.data.gold import Gold, encode_gold, encode_labels as encode_labels
from textforge.data.labels import (
    as_numbers as as_numbers,
    described_type,
    label_name,
    label_names,
    label_type,
    sorted_labels as sorted_labels,
)
from textforge.data.remarks import Hashes, TrainHashes, between, too_few
from textforge.data.similar_labels import normal_label as normal_label, similar_label_warnings
from textforge.data.splits import holdout as holdout
from textforge.data.streams import Stream as Stream
from textforge.errors import ComponentError, DataError, RecipeError, listed

Split = tuple[Sequence[str], Sequence[Any]]
"""Texts and their labels, of equal length; in multi-label data, a sequence of labels for each text."""


@dataclass(frozen=True)
class Dataset:
    """Labelled texts in splits, as a dataset factory returns them.

    Each split is stored as a pair of lists, whatever sequences were passed. A label is a str, an int, a bool or a
    member of an Enum, and all labels are of one of these types. In multi-label data every text has a list, tuple or
    set of labels, which is stored as a tuple.

    Args:
        train: texts and labels to train on, or a `Stream` of them, which need not fit in memory.
        test: texts and labels for the final evaluation only.
        valid: texts and labels to select the best epoch on.
        label_names: the class names in order; by default the labels of train in the order of `sorted_labels`.
        warnings: sentences about the data to show to the user.
        groups: a group name for each training text, such as its author or thread. Texts of one group are held
            out together.

    Raises:
        DataError: a split is empty, has a different number of labels and texts, or holds an item that is not
            text, a label that is None, of another type than the others, or cannot be encoded as UTF-8. The message
            names the row.
    """

    train: Split | Stream
    test: Split | None = None
    valid: Split | None = None
    label_names: Sequence[Any] | None = None
    warnings: tuple[str, ...] = ()
    groups: Sequence[str] | None = None
    _repeated: list[str] | None = field(default=None, init=False, repr=False, compare=False)
    """The result of `repeated_texts`, set once train has been read to its end."""

    def __post_init__(self) -> None:
        streams = isinstance(self.train, Stream)
        if streams and self.groups is not None:
            raise DataError(
                "groups apply to texts held out of train, but no texts are held out of a stream. Remove groups."
            )
        for name, split in {**({} if streams else {"train": self.train}), **self.splits()}.items():
            if not isinstance(split, (tuple, list)) or len(split) != 2:
                raise DataError(f"{name}: a split is a pair (texts, labels).")
            texts, labels = as_texts(split[0], name), as_labels(split[1], name)
            if len(texts) != len(labels):
                raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
            if not texts:
                raise DataError(f"{name}: no texts." + ("" if name == "train" else " Leave this split out."))
            object.__setattr__(self, name, (texts, labels))
            if not streams:
                self._refuse_mixed(name)
        # Warnings may contain file names that are not valid UTF-8.
        printable = (warning.encode("utf-8", "backslashreplace").decode() for warning in self.warnings)
        object.__setattr__(self, "warnings", tuple(printable))
        if self.label_names is not None:
            object.__setattr__(self, "label_names", as_labels(self.label_names, "label_names"))
            if are_sets(self.label_names):
                raise DataError("label_names: expected a list of names, not a list of lists.")
            if not streams:
                self._refuse_other_type("label_names", self.label_names)
        if self.groups is not None:
            advice = " Turn groups into text first, as in [str(group) for group in groups]."
            object.__setattr__(self, "groups", as_column(self.groups, "groups", "group", other=advice))
            if len(self.groups) != self.n_train:
                raise DataError(f"{self.n_train} training texts but {len(self.groups)} groups.")

    def _refuse_mixed(self, name: str) -> None:
        split = self.splits()[name]
        if isinstance(split[1][0], tuple) != self.multi_label:
            raise DataError(f"{name}: labels are single in one split and lists in another. Give lists in both.")
        self._refuse_other_type(name, split[1])

    def _refuse_other_type(self, name: str, labels: Sequence[Any]) -> None:
        of_train = [*self.train.label_counts] if isinstance(self.train, Stream) else self.train[1]
        ours, theirs = _first_label(labels), _first_label(of_train)
        if ours is not None and theirs is not None and label_type(ours) is not label_type(theirs):
            raise DataError(
                f"{name}: its labels are {described_type(ours)}, as {ours!r} is, but those of train are "
                f"{described_type(theirs)}, as {theirs!r} is. Give labels of the same type."
            )

    @property
    def n_train(self) -> int:
        """The number of training texts."""
        return self.train.n_texts if isinstance(self.train, Stream) else len(self.train[0])

    @property
    def multi_label(self) -> bool:
        """Whether each text has a set of labels instead of exactly one."""
        return self.train.multi_label if isinstance(self.train, Stream) else isinstance(self.train[1][0], tuple)

    def label_counts(self) -> Mapping[Any, int]:
        """The number of training texts per label."""
        if isinstance(self.train, Stream):
            return self.train.label_counts
        return Counter(chain.from_iterable(self.train[1]) if self.multi_label else self.train[1])

    def splits(self) -> dict[str, Split]:
        """The splits in memory, by name: every split except a streamed train."""
        return {
            name: split
            for name, split in (("train", self.train), ("valid", self.valid), ("test", self.test))
            if split is not None and not isinstance(split, Stream)
        }

    def train_chunks(self, on_labels: Callable[[Sequence[Any]], None] | None = None) -> Iterator[list[str]]:
        """Iterate over the training texts in order, in chunks.

        Args:
            on_labels: called with the labels of each chunk.
        """
        others = {name: Hashes.of(*split) for name, split in self.splits().items() if name != "train"}
        hashes = TrainHashes(others)
        for texts, labels in self.train.chunks() if isinstance(self.train, Stream) else [self.train]:
            hashes.add(texts, labels)
            if on_labels is not None:
                on_labels(labels)
            yield list(texts)
        object.__setattr__(self, "_repeated", [*hashes.remarks()])

    def labels(self) -> tuple[Any, ...]:
        """The class names, in the order of the model's outputs.

        Raises:
            DataError: there are fewer than two classes, or `label_names` and the labels of train differ.
        """
        if isinstance(self.train, Stream):
            for name in self.splits():
                self._refuse_mixed(name)
            self._refuse_other_type("label_names", self.label_names or ())
        found, n = sorted_labels(self.label_counts()), self.n_train
        names = list(self.label_names) if self.label_names is not None else found
        if not found:
            raise DataError(f"none of the {n} training texts has a label.")
        if len(found) < 2 and not self.multi_label:
            raise DataError(
                f"all {n} training texts have the label '{label_name(found[0])}'. "
                "A classifier needs at least two classes."
            )
        if len(set(names)) != len(names):
            raise DataError("label_names has a name twice.")
        if unnamed := [name for name in found if name not in names]:
            raise DataError(f"training labels that label_names lacks: {listed(label_names(unnamed))}.")
        if empty := [name for name in names if name not in found]:
            raise DataError(f"classes without a training text: {listed(label_names(empty))}.")
        return tuple(names)

    def similar_labels(self) -> list[str]:
        """Return a sentence for each way in which labels of train look alike; see `textforge.data.similar_labels`."""
        return similar_label_warnings({label_name(label): n for label, n in self.label_counts().items()})

    def fingerprint(self) -> str:
        """Return the SHA-256, in hexadecimal, of every text and label of every split, in order."""
        digest = hashlib.sha256()
        if isinstance(self.train, Stream):
            digest.update(f"train:{self.train.n_texts}:{self.train.fingerprint}\n".encode())
        for name, (texts, labels) in self.splits().items():
            digest.update(f"{name}:{len(texts)}\n".encode())
            add_to_digest(digest, texts, labels)
        return digest.hexdigest()

    def repeated_texts(self) -> list[str]:
        """Return sentences about exact duplicates within a split, with equal or conflicting labels, and across splits.

        A stream is read in full, unless `train_chunks` has already read it to its end.
        """
        if self._repeated is None:
            deque(self.train_chunks(), maxlen=0)
        return [*(self._repeated or ())]

    def remarks(self) -> list[str]:
        """Return all sentences that help to judge the metrics: similar labels, small splits, repeated texts."""
        sizes = {name: len(texts) for name, (texts, _) in self.splits().items() if name != "train"}
        small = chain.from_iterable(too_few(name, n) for name, n in sizes.items())
        return [*self.similar_labels(), *small, *self.repeated_texts()]


def _first_label(rows: Sequence[Any]) -> Any:
    """The first of validated labels, or None if all texts lack labels."""
    return next(chain.from_iterable(rows) if are_sets(rows) else iter(rows), None)


def as_dataset(dataset: Any, seed: int) -> Dataset:
    """Return `dataset` if it is a `Dataset`, or build it if it is a dataset `Part`.

    Raises:
        ComponentError: the part did not build a `Dataset`.
        DataError: `dataset` is neither a `Dataset` nor a `Part`.
    """
    found = dataset.build({"seed": seed}) if isinstance(dataset, Part) else dataset
    if isinstance(found, Dataset):
        return found
    if isinstance(dataset, Part):
        raise ComponentError(f"{part_name(dataset)} returned a {type(found).__name__}, not a textforge.Dataset.")
    raise DataError(
        f"a {type(found).__name__} is not a dataset. Give a textforge.Dataset(train=(texts, labels)) or a dataset part."
    )


Encoded = tuple[list[str], NDArray[Any]]
"""Texts and their labels as arrays; see `encode_labels`."""


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
        train = (list(dataset.train[0]), encode_labels(dataset.train[1], labels, "train"))
    if dataset.valid is not None:
        if settings.validation:
            raise RecipeError(
                "trainer.validation would hold out training texts, but the dataset has a "
                "validation split of its own. Remove trainer.validation."
            )
        given, gold = dataset.valid[0], encode_gold(dataset.valid[1], labels, "valid", settings.unknown_labels)
        if len(gold.unknown_rows) == len(given):
            raise DataError(f"valid: the training data lack the labels of all {len(given)} texts.")
        valid = list(given) if gold.rows is None else [given[row] for row in gold.rows.tolist()]
        return TrainingSplits(train, (valid, gold.y), valid_gold=gold)
    if settings.validation:
        if train is None or isinstance(dataset.train, Stream):
            raise RecipeError(
                "trainer.validation needs training texts in memory, but they are a stream. "
                "Give the dataset a validation split, and remove trainer.validation."
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
        raise RecipeError("trainer.patience needs a validation split. Set trainer.validation, for example to 0.1.")
    return TrainingSplits(train)
