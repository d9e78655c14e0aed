"""Probabilities for texts from classifiers that were not trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.components.part import part_name
from textforge.data.dataset import Dataset
from textforge.data.splits import folds
from textforge.runs.baseline import Baseline, load_baseline

if TYPE_CHECKING:
    from textforge.features.ragged import Features

FOLDS = 3
"""Three folds find as many wrong labels as five do, in less than half the time."""
SEED = 0


def recommended(plugins: PluginManager) -> Baseline:
    """The vectorizer and the inner model of the recommended recipe, for `out_of_fold`.

    Raises:
        PluginError: a part of it is not installed.
    """
    return load_baseline(plugins, Path(__file__).with_name("classifier.yaml"))


def out_of_fold(texts: Sequence[str], classes: NDArray[np.int64], parts: Baseline) -> NDArray[np.float64]:
    """Return the probabilities of each text from a classifier that was trained on the other folds.

    The texts are vectorized once, all together: a vectorizer sees no labels, so it cannot give them away. One
    temperature for all folds makes the scores probabilities (Guo et al. 2017).

    Args:
        texts: n texts.
        classes: class numbers from 0 without gaps, shape (n,), each at least `FOLDS` times.
        parts: the vectorizer and the model to train.

    Returns:
        Shape (n, number of classes); each row sums to 1.
    """
    from textforge.classifiers.decision import Decision, Scored, fit_temperature
    from textforge.classifiers.vectorizing import fitted_features
    from textforge.training.trainer import Trainer

    vectorizer = parts.vectorizer.build({"seed": SEED})
    rows_of = _Rows(fitted_features(vectorizer, texts, part_name(parts.vectorizer)))
    names = [*range(int(classes.max()) + 1)]
    found = np.zeros((len(texts), len(names)), np.float32)
    for rows in folds(classes, FOLDS, SEED):
        kept = np.setdiff1d(np.arange(len(texts)), rows, assume_unique=True)
        train = ([*map(str, kept)], classes[kept].tolist())
        trainer = Trainer(Dataset(train, label_names=names), rows_of, parts.model, seed=SEED)
        found[rows] = trainer.fit().predict_proba([*map(str, rows)])
    logits = np.log(np.maximum(found, np.finfo(np.float32).tiny))
    temperature = fit_temperature(Scored(logits, classes), multi_label=False)
    return Decision(temperature=temperature).probabilities(logits).astype(np.float64)


class _Rows:
    """Stands in for a vectorizer of texts whose features are known: a text is the number of its row."""

    def __init__(self, features: Features) -> None:
        self._features = features

    def __deepcopy__(self, memo: Any) -> _Rows:
        return self  # a trainer copies a vectorizer before it fits it, and these features are large

    def fit(self, texts: Sequence[str]) -> _Rows:
        return self

    def transform(self, texts: Sequence[str]) -> Features:
        return self._features.take(np.array([*map(int, texts)], dtype=np.int64))


def auc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """The area under the ROC curve: the probability that a positive text has the higher score (Mann & Whitney 1947).

    Args:
        positive: shape (n,); some are true and some are false.
        scores: shape (n,); a tie counts one half.
    """
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    n = int(positive.sum())
    return float((ranks[places][positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))
