"""Labelled text and its splits."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from textforge.components.part import Part, part_name
from textforge.components.rows import kinds_of
from textforge.data.columns import are_kinds, refuse_other_columns, with_columns
from textforge.data.encoding import (
    add_to_digest,
    add_weights_to_digest,
    are_sets,
    as_column,
    as_labels as as_labels,
    as_texts as as_texts,
    split_digest,
)
from textforge.data.gold import encode_labels as encode_labels
from textforge.data.labels import (
    as_numbers as as_numbers,
    described_type,
    label_name,
    label_names,
    label_type,
    sorted_labels as sorted_labels,
)
from textforge.data.remarks import Hashes, TrainHashes, too_few
from textforge.data.similar_labels import normal_label as normal_label, similar_label_warnings
from textforge.data.streams import Stream as Stream
from textforge.data.table_objects import columns_to_take
from textforge.data.weights import Weights, split_weights
from textforge.errors import ComponentError, DataError, listed

Split = tuple[Sequence[str], Sequence[Any]]
"""Texts and their labels, of equal length; in multi-label data, a sequence of labels for each text."""


SHOWN_LABELS = 5
"""Number of labels that `repr` shows."""

GivenSplit = tuple[Iterable[str], Iterable[Any]]
"""Texts and their labels as a caller gives them: lists, arrays, columns, generators."""


@dataclass(frozen=True)
class Dataset:
    """Labelled texts in splits, as a dataset factory returns them.

    Each split is stored as a pair of lists of its own, whatever sequences were passed: lists, arrays, or columns of
    pandas, polars, Arrow and Hugging Face tables. A label is a str, an int, a bool or a member of an Enum, and all
    are of one of these types. In multi-label data every text has a list, tuple or set of labels, stored as a tuple.

    Args:
        train: texts and labels to train on, or a `Stream` of them, which need not fit in memory.
        test: texts and labels for the final evaluation only.
        valid: texts and labels to select the best epoch on.
        label_names: the class names in order; by default the labels of train in the order of `sorted_labels`.
        warnings: sentences about the data to show to the user.
        groups: a group name for each training text, such as its author or thread. Texts of one group are held
            out together.
        weights: how much each text counts, in training and in metrics: a number from 0 for each training text, or a
            mapping of the names of splits (train, valid, test) to such numbers. Texts of a split that it does not name
            count equally. Only the ratios matter. It is stored as a mapping of lists. The chunks of a `Stream` bring
            the weights of their texts.
        columns: values beside the texts: a mapping of the names of splits to mappings of column names to values, one
            for each text. Texts become `Row`s, which bring their values along, and this attribute the kinds of the
            columns by name. Texts that are rows already need no `columns`; the chunks of a `Stream` bring rows.
        column_kinds: the kinds of columns, 'number', 'category' or 'text'. By default columns of numbers are numbers,
            and all others categories.

    Raises:
        DataError: a split is empty, has a different number of labels and texts, or holds an item that is not
            text, a label that is None, of another type than the others, or cannot be encoded as UTF-8. Or weights
            differ in number from the texts of their split, or are negative, not finite, or all 0. Or columns differ
            between splits, or hold a value of the wrong type. The message names the row.
    """

    train: Split | Stream
    test: Split | None = None
    valid: Split | None = None
    label_names: Sequence[Any] | None = None
    warnings: tuple[str, ...] = ()
    groups: Sequence[str] | None = None
    weights: Mapping[str, Sequence[float]] | Sequence[float] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    column_kinds: InitVar[Mapping[str, str] | None] = None
    _repeated: list[str] | None = field(default=None, init=False, repr=False, compare=False)
    """The result of `repeated_texts`, set once train has been read to its end."""

    def __repr__(self) -> str:
        sizes = [f"{name} {len(split[0]):,} texts" for name, split in self.splits().items()]
        if isinstance(self.train, Stream):
            return f"<Dataset: {', '.join([f'train {self.train!r}', *sizes])}>"
        labels = self.labels()
        several = " (several per text)" if self.multi_label else ""
        columns = f"; columns: {listed(self.columns)}" if self.columns else ""
        return (
            f"<Dataset: {', '.join(sizes)}; {len(labels):,} labels{several}: "
            f"{listed(label_names(labels), limit=SHOWN_LABELS)}{columns}>"
        )

    if TYPE_CHECKING:  # splits are given as any iterables, and stored as lists

        def __init__(
            self,
            train: GivenSplit | Stream,
            test: GivenSplit | None = None,
            valid: GivenSplit | None = None,
            *,
            label_names: Iterable[Any] | None = None,
            warnings: tuple[str, ...] = (),
            groups: Iterable[str] | None = None,
            weights: Mapping[str, Any] | Iterable[float] | None = None,
            columns: Mapping[str, Any] | None = None,
            column_kinds: Mapping[str, str] | None = None,
        ) -> None: ...

    def __post_init__(self, column_kinds: Mapping[str, str] | None) -> None:
        streams = isinstance(self.train, Stream)
        if streams and self.groups is not None:
            raise DataError(
                "groups apply to texts held out of train, but no texts are held out of a stream. Remove groups."
            )
        for name, split in {**({} if streams else {"train": self.train}), **self.splits()}.items():
            if not isinstance(split, (tuple, list)) or len(split) != 2:
                raise DataError(f"{name}: a split is a pair (texts, labels).{columns_to_take(split)}")
            # Copies of the caller's lists, which may change.
            texts, labels = [*as_texts(split[0], name)], as_labels(split[1], name)
            if len(texts) != len(labels):
                raise DataError(f"{name}: {len(texts)} texts but {len(labels)} labels.")
            if not texts:
                raise DataError(f"{name}: no texts." + ("" if name == "train" else " Leave this split out."))
            object.__setattr__(self, name, (texts, labels))
            if not streams:
                self._refuse_mixed(name)
        self._take_columns(column_kinds)
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
            object.__setattr__(self, "groups", [*as_column(self.groups, "groups", "group", other=advice)])
            if len(self.groups) != self.n_train:
                raise DataError(f"{self.n_train} training texts but {len(self.groups)} groups.")
        if self.weights is not None:
            object.__setattr__(self, "weights", split_weights(self.weights, self.splits(), streams=streams))

    def _take_columns(self, kinds: Mapping[str, str] | None) -> None:
        splits, found = self.splits(), self.train.columns if isinstance(self.train, Stream) else {}
        if self.columns and not are_kinds(self.columns):
            rows, found = with_columns({name: texts for name, (texts, _) in splits.items()}, self.columns, kinds)
            for name, own in rows.items():
                object.__setattr__(self, name, (own, splits[name][1]))
        elif not isinstance(self.train, Stream):
            found = kinds_of(self.train[0])
        for name, (texts, _) in self.splits().items():
            refuse_other_columns(texts, found, name)
        object.__setattr__(self, "columns", dict(found))

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

    def weights_of(self, split: str) -> Weights | None:
        """The weights of the texts of a split in memory, float64, shape (n,); None if all texts count equally."""
        found = self.weights.get(split) if isinstance(self.weights, Mapping) else None
        return None if found is None else np.asarray(found, dtype=np.float64)

    def label_weights(self) -> Mapping[Any, float] | None:
        """The sum of the weights of the training texts per label; None if all texts count equally."""
        if isinstance(self.train, Stream):
            return self.train.survey().label_weights
        if (weights := self.weights_of("train")) is None:
            return None
        sums: dict[Any, float] = {}
        for label, weight in zip(self.train[1], weights.tolist(), strict=True):
            for one in label if isinstance(label, tuple) else (label,):
                sums[one] = sums.get(one, 0.0) + weight
        return sums

    def splits(self) -> dict[str, Split]:
        """The splits in memory, by name: every split except a streamed train."""
        return {
            name: split
            for name, split in (("train", self.train), ("valid", self.valid), ("test", self.test))
            if split is not None and not isinstance(split, Stream)
        }

    def train_chunks(
        self, on_labels: Callable[[Sequence[Any]], None] | None = None, numbers: Sequence[int] | None = None
    ) -> Iterator[list[str]]:
        """Iterate over the training texts in order, in chunks.

        Args:
            on_labels: called with the labels of each chunk.
            numbers: the chunks of a stream to read; None for all. If only some are read, no repeated texts are found.
        """
        others = {name: Hashes.of(*split) for name, split in self.splits().items() if name != "train"}
        hashes, some, train = TrainHashes(others), numbers is not None, self.train
        for texts, labels in [train] if not isinstance(train, Stream) else train.chunks(numbers):
            if not some:
                hashes.add(texts, labels)
            if on_labels is not None:
                on_labels(labels)
            yield list(texts)
        object.__setattr__(self, "_repeated", [] if some else [*hashes.remarks()])

    def labels(self, declared: Iterable[Any] | None = None) -> tuple[Any, ...]:
        """The class names, in the order of the model's outputs.

        Args:
            declared: all classes, of which train may lack some; by default `label_names`, of which it lacks none.

        Raises:
            DataError: there are fewer than two classes, or train has other labels than `label_names` or `declared`.
        """
        if declared is not None:
            return self._declared(declared)
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

    def _declared(self, declared: Iterable[Any]) -> tuple[Any, ...]:
        names = as_labels(declared, "labels")
        self._refuse_other_type("labels", names)
        if len(set(names)) != len(names) or (len(names) < 2 and not self.multi_label):
            raise DataError("labels: name each class once, and at least two of them.")
        if unnamed := [name for name in sorted_labels(self.label_counts()) if name not in names]:
            raise DataError(f"training labels that labels lacks: {listed(label_names(unnamed))}.")
        return tuple(names)

    def similar_labels(self) -> list[str]:
        """Return a sentence for each way in which labels of train look alike; see `textforge.data.similar_labels`."""
        return similar_label_warnings({label_name(label): n for label, n in self.label_counts().items()})

    def fingerprint(self) -> str:
        """Return the SHA-256, in hexadecimal, of every text, label and weight of every split, in order."""
        digest = hashlib.sha256()
        if isinstance(self.train, Stream):
            digest.update(f"train:{self.train.n_texts}:{self.train.fingerprint}\n".encode())
        for name, (texts, labels) in self.splits().items():
            digest.update(f"{name}:{len(texts)}\n".encode())
            add_to_digest(digest, texts, labels)
            if (weights := self.weights_of(name)) is not None:
                add_weights_to_digest(digest, weights.tolist())
        return digest.hexdigest()

    def split_fingerprint(self, split: str) -> str:
        """Return the SHA-256, in hexadecimal, of every text, label and weight of a split in memory, in order."""
        weights = self.weights_of(split)
        return split_digest(*self.splits()[split], None if weights is None else weights.tolist())

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
        return [*self.similar_labels(), *self._weightless_labels(), *small, *self.repeated_texts()]

    def _weightless_labels(self) -> Iterator[str]:
        found = [label_name(label) for label, weight in (self.label_weights() or {}).items() if not weight]
        if found:
            yield f"all training texts of these labels have weight 0, so they cannot be learnt: {listed(found)}."

    def without(self, split: str) -> Dataset:
        """Return this dataset without its split 'valid' or 'test'."""
        weights = self.weights if isinstance(self.weights, Mapping) else {}
        left = {name: kept for name, kept in weights.items() if name != split}
        return replace(self, **{split: None, "weights": left or None})  # type: ignore[arg-type]


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
        if isinstance(dataset, Part) and isinstance(found.train, Stream):
            found.train.who = part_name(dataset)
        return found
    if isinstance(dataset, Part):
        raise ComponentError(f"{part_name(dataset)} returned a {type(found).__name__}, not a textforge.Dataset.")
    raise DataError(
        f"a {type(found).__name__} is not a dataset. Give a textforge.Dataset(train=(texts, labels)) or a dataset "
        f"part.{columns_to_take(found)}"
    )
