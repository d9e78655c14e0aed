"""The texts that the detectors look at: all splits of a dataset as one list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.dataset import Dataset
from textforge.data.labels import label_name, sorted_labels
from textforge.data.streams import Stream
from textforge.insight.doctor.finding import Place

MOST = 200_000
"""Number of leading texts of a stream that are looked at."""
EXAMPLES = 3
"""Number of examples of a finding."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|(?:(?![\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])\w)+")
"""A word, or a single character of Chinese or Japanese, which are written without spaces."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Examined:
    """Texts, labels and places of all splits, in the order train, valid, test."""

    texts: list[str]
    labels: list[tuple[str, ...]]
    """The names of the labels of each text; exactly one unless `multi_label`."""
    places: list[Place]
    multi_label: bool
    names: tuple[str, ...]
    """The names of all labels, in the order of `sorted_labels`."""

    @classmethod
    def of(cls, dataset: Dataset) -> Examined:
        """Collect the texts of a dataset; of a stream, the first `MOST`."""
        texts: list[str] = []
        labels: list[Any] = []
        places: list[Place] = []
        splits = dataset.splits()
        if isinstance(dataset.train, Stream):
            rows = ((text, label) for chunk in dataset.train.chunks() for text, label in zip(*chunk, strict=True))
            first = [*islice(rows, MOST)]
            splits = {"train": ([text for text, _ in first], [label for _, label in first]), **splits}
        for name, (split_texts, split_labels) in splits.items():
            texts += split_texts
            labels += split_labels
            places += [Place(name, row) for row in range(len(split_texts))]
        sets = [label if isinstance(label, tuple) else (label,) for label in labels]
        names = tuple(label_name(label) for label in sorted_labels({label for one in sets for label in one}))
        named = [tuple(map(label_name, one)) for one in sets]
        return cls(texts, named, places, dataset.multi_label, names)

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits, train first."""
        return tuple(dict.fromkeys(place.split for place in self.places))

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The number of texts of each split."""
        return {split: sum(place.split == split for place in self.places) for split in self.splits}

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The class number of each text, shape (n,); only for texts with one label."""
        numbers = {name: n for n, name in enumerate(self.names)}
        return np.array([numbers[label] for (label,) in self.labels], dtype=np.int64)

    @cached_property
    def words(self) -> list[frozenset[str]]:
        """The words of each text in lower case; each run of digits becomes 0, so that ids of one form are one word."""
        return [frozenset(words_of(text)) for text in self.texts]

    def rows_of(self, split: str) -> list[int]:
        """The positions of the texts of a split."""
        return [n for n, place in enumerate(self.places) if place.split == split]

    def at(self, positions: Iterable[int]) -> tuple[Place, ...]:
        """The places of texts."""
        return tuple(self.places[n] for n in positions)

    def examples(self, positions: Sequence[int]) -> tuple[str, ...]:
        """The first few of these texts, each with its label."""
        return tuple(f"[{', '.join(self.labels[n])}] {self.texts[n]}" for n in positions[:EXAMPLES])


def words_of(text: str) -> list[str]:
    """The words of a text in order, in lower case, with 0 for each run of digits."""
    return [_DIGITS.sub("0", word) for word in _WORD.findall(text.lower())]
