"""Baselines that need no model: always the most frequent answer, and a guess in proportion to the training labels.

The figures of the guess are expected values, computed in closed form without a random draw.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.metrics import classification_metrics, multi_label_metrics
from textforge.data.dataset import Dataset
from textforge.data.gold import Gold
from textforge.data.labels import label_value, sorted_labels
from textforge.data.streams import Stream
from textforge.data.weights import Weights

MOST_SETS = 100_000
"""Number of different sets of labels of a stream above which they are not counted."""
Baselines = dict[str, dict[str, Any]]
"""Name of a baseline to its `accuracy`, its `macro_f1` and, where it always gives the same one, its `answer`."""


def free_baselines(dataset: Dataset, gold: Gold) -> Baselines:
    """Compute the figures of `majority` and `stratified` on a test split.

    `majority` always gives the most frequent training label; with several labels per text, the most frequent set of
    labels, which may be empty. Of equally frequent ones it gives the first. `stratified` gives the label, or the set of
    labels, of a training text drawn at random for each test text; its figures are expected values. If texts have
    weights, a text counts as often as its weight says, in training and in the figures.

    Args:
        dataset: the data that the classifier was trained on.
        gold: the encoded labels of the test texts.

    Returns:
        Both baselines. A stream of texts with several labels is read once more to count its sets of labels; there are
        no baselines if it has more than `MOST_SETS` different ones.
    """
    counts = _answer_counts(dataset)
    if counts is None:
        return {}
    number, several = {name: n for n, name in enumerate(gold.names)}, dataset.multi_label
    counted = range(len(gold.y)) if gold.weights is None else np.flatnonzero(gold.weights).tolist()
    y, labels = gold.y[list(counted)], [gold.labels[row] for row in counted]
    weights = None if gold.weights is None else gold.weights[list(counted)]
    most = _most_frequent(counts)
    predicted = np.repeat(_encoded([most], number, several=several), len(y), axis=0)
    figures = (multi_label_metrics if several else classification_metrics)(y, predicted, gold.names, weights)
    answer = [label_value(one) for one in sorted_labels(most)] if isinstance(most, frozenset) else label_value(most)
    total, asked = sum(counts.values()), map(frozenset, labels) if several else labels
    accuracy = float(np.average([counts.get(one, 0) / total for one in asked], weights=weights))
    return {
        "majority": {"answer": answer, "accuracy": figures["accuracy"], "macro_f1": figures["macro_f1"]},
        "stratified": {"accuracy": accuracy, "macro_f1": _expected_macro_f1(y, weights, _shares(counts, number))},
    }


def _answer_counts(dataset: Dataset) -> Mapping[Any, float] | None:
    """The number, or the weight, of the training texts with each label or set of labels; None if it is not known."""
    if not dataset.multi_label:
        return dataset.label_weights() or dataset.label_counts()
    found: dict[frozenset[Any], float] = {}
    for sets, weights in _chunks(dataset):
        for labels, weight in zip(sets, repeat(1) if weights is None else weights, strict=False):
            found[frozenset(labels)] = found.get(frozenset(labels), 0) + weight
        if isinstance(dataset.train, Stream) and len(found) > MOST_SETS:
            return None
    return found


def _chunks(dataset: Dataset) -> Iterator[tuple[Sequence[Any], Sequence[float] | None]]:
    """The labels of the training texts, and their weights, chunk by chunk."""
    if isinstance(dataset.train, Stream):
        for number in range(dataset.train.n_chunks):
            yield dataset.train.weighted_chunk(number)[1:]
        return
    weights = dataset.weights_of("train")
    yield dataset.train[1], None if weights is None else weights.tolist()


def _shares(counts: Mapping[Any, float], number: Mapping[Hashable, int]) -> NDArray[np.float64]:
    """The share of the training texts that have each class, shape (n_classes,)."""
    shares, total = np.zeros(len(number)), sum(counts.values())
    for labels, n in counts.items():
        for label in labels if isinstance(labels, frozenset) else (labels,):
            shares[number[label]] += n / total
    return shares


def _most_frequent(counts: Mapping[Any, float]) -> Any:
    """The most frequent answer; of equally frequent ones the first by its labels."""
    most = max(counts.values())
    found = [answer for answer, n in counts.items() if n == most]
    if isinstance(found[0], frozenset):
        order = {label: n for n, label in enumerate(sorted_labels({*chain.from_iterable(found)}))}
        return min(found, key=lambda labels: sorted(order[label] for label in labels))
    return sorted_labels(found)[0]


def _encoded(answers: Sequence[Any], number: Mapping[Hashable, int], *, several: bool) -> NDArray[np.int64]:
    """Class numbers, or rows of 0 and 1 for sets of labels."""
    if not several:
        return np.array([number[label] for label in answers], dtype=np.int64)
    found = np.zeros((len(answers), len(number)), dtype=np.int64)
    for row, labels in enumerate(answers):
        found[row, [number[label] for label in labels]] = 1
    return found


def _expected_macro_f1(y: NDArray[Any], weights: Weights | None, shares: NDArray[np.float64]) -> float:
    """The mean over all classes of the expected F1 of guessing each class with the probability `shares`.

    Texts of different weights are replaced by equal ones: as many as give sums of weights the same variance.
    """
    each = np.ones(len(y)) if weights is None else weights
    support = each @ y if y.ndim == 2 else np.bincount(y, each, minlength=len(shares))
    n = round(float(each.sum() ** 2 / (each**2).sum()))
    support = support * (n / each.sum())
    return float(np.mean([expected_f1(float(s), n, float(p)) for s, p in zip(support, shares, strict=True)]))


def expected_f1(support: float, n: int, p: float) -> float:
    """Return the expected F1 of a class that is guessed for each of `n` texts with probability `p`.

    Of C guesses, C * support / n are right on average, whatever C is. So the expectation of
    F1 = 2 * hits / (support + C) is (2 * support / n) * E[C / (support + C)], with C binomial.

    Args:
        support: number of texts of this class, from 0 to `n`.
        n: number of texts, at least 1.
        p: probability of the guess, from 0 to 1.
    """
    if support == 0 or p <= 0:
        return 0.0
    if p >= 1:
        return 2 * support / (support + n)
    # Beyond 12 standard deviations from the mean (and 40 guesses, if they are few) the probabilities are negligible.
    reach = 12 * np.sqrt(n * p * (1 - p)) + 40
    guesses = np.arange(max(0, int(n * p - reach)), min(n, int(n * p + reach)) + 1, dtype=np.float64)
    steps = np.log((n - guesses[:-1]) / guesses[1:]) + np.log(p / (1 - p))  # ratios of neighbouring probabilities
    logarithms = np.concatenate([[0.0], np.cumsum(steps)])
    probabilities = np.exp(logarithms - logarithms.max())
    probabilities /= probabilities.sum()
    return float(2 * support / n * (probabilities * guesses / (support + guesses)).sum())
