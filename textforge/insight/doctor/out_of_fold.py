"""Probabilities for texts from classifiers that were not trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.data.dataset import Dataset
from textforge.data.splits import folds
from textforge.runs.baseline import Baseline, load_baseline

FOLDS = 3
"""Three folds find as many wrong labels as five do, in less than half the time."""
SEED = 0


def recommended(plugins: PluginManager) -> Baseline:
    """The vectorizer and the model of the recommended recipe: careful, with calibrated probabilities.

    Raises:
        PluginError: a part of it is not installed.
    """
    return load_baseline(plugins, Path(__file__).with_name("classifier.yaml"))


def out_of_fold(texts: Sequence[str], classes: NDArray[np.int64], parts: Baseline) -> NDArray[np.float64]:
    """Return the probabilities of each text from a classifier that was trained on the other folds.

    Args:
        texts: n texts.
        classes: class numbers from 0 without gaps, shape (n,), each at least `FOLDS` times.
        parts: the vectorizer and the model to train.

    Returns:
        Shape (n, number of classes); each row sums to 1.
    """
    from textforge.training.trainer import Trainer

    names = [*range(int(classes.max()) + 1)]
    found = np.zeros((len(texts), len(names)))
    for rows in folds(classes, FOLDS, SEED):
        kept = np.setdiff1d(np.arange(len(texts)), rows, assume_unique=True)
        train = ([texts[n] for n in kept], classes[kept].tolist())
        trainer = Trainer(Dataset(train, label_names=names), parts.vectorizer, parts.model, seed=SEED)
        found[rows] = trainer.fit().predict_proba([texts[n] for n in rows])
    return found


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
