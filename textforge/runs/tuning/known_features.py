"""Features of a fold's texts, computed once for all trials that have the same vectorizer."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from textforge.components.part import Part, part_name
from textforge.data.dataset import Dataset
from textforge.data.gold import encode_labels

if TYPE_CHECKING:
    from textforge.features.ragged import Features

MOST = 3
"""Number of vectorizers whose features are kept in memory."""
TRAIN, TEST = "train", "test"


class KnownFeatures:
    """Stands in for a fitted vectorizer: a text is the name of its split and its number, as in `train 17`.

    It gives the facts of the vectorizer.
    """

    def __init__(self, vectorizer: Any, part: Part, of_splits: dict[str, Features]) -> None:
        self._of_splits = of_splits
        self.seconds: float = 0.0
        """How long it took to compute the features."""
        self.gives: tuple[str, ...] = tuple(name for name in part.gives if name != "n_features")
        for name in self.gives:
            setattr(self, name, getattr(vectorizer, name))

    def __deepcopy__(self, memo: Any) -> KnownFeatures:
        return self  # a trainer copies a vectorizer before it fits it, and these features are large

    def fit(self, texts: Sequence[str]) -> KnownFeatures:
        return self

    def transform(self, texts: Sequence[str]) -> Features:
        """The features of texts of one split."""
        split = texts[0].partition(" ")[0]
        return self._of_splits[split].take(np.array([int(text.partition(" ")[2]) for text in texts], dtype=np.int64))


def numbered(dataset: Dataset) -> Dataset:
    """The dataset with the names that `KnownFeatures` understands in place of its texts."""

    def names(split: str) -> tuple[list[str], Sequence[Any]]:
        texts, labels = dataset.splits()[split]
        return [f"{split} {n}" for n in range(len(texts))], labels

    return Dataset(
        train=names(TRAIN),
        test=names(TEST),
        label_names=dataset.label_names,
        groups=dataset.groups,
        weights=dataset.weights,
    )


class FeatureCache:
    """The features of the latest vectorizers."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, KnownFeatures] = OrderedDict()

    def features(self, part: Part, dataset: Dataset, place: str, seed: int) -> KnownFeatures:
        """Fit a vectorizer on the training split and transform both splits, unless this was done before.

        Args:
            part: the vectorizer.
            dataset: has train and test in memory.
            place: the name of the dataset.
            seed: the seed of the vectorizer.

        Raises:
            ComponentError: the vectorizer failed.
        """
        from textforge.classifiers.vectorizing import fitted_features, vectorized

        key = json.dumps([place, seed, part.as_recipe()], sort_keys=True)
        if key not in self._found:
            began = time.perf_counter()
            vectorizer, who = part.build({"seed": seed}), part_name(part)
            splits = dataset.splits()
            texts, gold = splits[TRAIN]
            y = encode_labels(gold, dataset.labels(), TRAIN)
            train = fitted_features(vectorizer, texts, who, y)
            of_splits = {TRAIN: train, TEST: vectorized(vectorizer, splits[TEST][0], who)}
            self._found[key] = KnownFeatures(vectorizer, part, of_splits)
            self._found[key].seconds = time.perf_counter() - began
        self._found.move_to_end(key)
        while len(self._found) > MOST:
            self._found.popitem(last=False)
        return self._found[key]
