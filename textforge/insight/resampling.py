"""Bootstrap of metrics over texts, for any number of classifiers that answered the same texts.

Texts with the same gold label and the same answer of every classifier are alike, so a resample of texts is a
multinomial draw over the distinct outcomes (cells): the exact bootstrap, at a cost that does not grow with the number
of texts as long as few outcomes are distinct. All classifiers see the same resamples, so their differences are paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIMES = 2000
"""Number of resamples. The ends of a 95 % interval then vary by about 3 % of its width."""
SEED = 0
"""Seed of the resamples, so that the same runs always give the same interval."""
LARGEST = 1 << 22
"""Limit on the elements of one array of resamples."""
DENSE = 0.2
"""Share of distinct outcomes among the texts from which single texts are drawn instead of multinomial counts."""

Measured = dict[str, NDArray[np.float64]]
"""Metric name to its values, shape (resamples, classifiers)."""


class Outcomes:
    """The distinct outcomes of texts: gold label, the answer of each classifier, and how many texts have them.

    Args:
        gold: class numbers, int, shape (n,), n at least 1; or a 0/1 matrix, shape (n, n_classes), for sets of labels.
        answers: the answers of each classifier, in the form of `gold`.
        n_classes: number of classes.
        weights: how often each text counts in a metric, shape (n,); None counts each once.
    """

    def __init__(
        self, gold: NDArray[Any], answers: Sequence[NDArray[Any]], n_classes: int,
        weights: NDArray[np.float64] | None = None,
    ) -> None:  # fmt: skip
        self.n_classes: int = n_classes
        self.n_systems: int = len(answers)
        self.multi_label: bool = gold.ndim == 2
        columns = [column.reshape(len(gold), -1).astype(np.int64) for column in (gold, *answers)]
        if weights is not None:
            columns.append(np.unique(weights, return_inverse=True)[1].reshape(-1, 1))
        _, first, counts = np.unique(np.hstack(columns), axis=0, return_index=True, return_counts=True)
        self.counts: NDArray[np.int64] = counts
        """Number of texts with each outcome, shape (outcomes,)."""
        self._weights = None if weights is None else weights[first]
        gold, answers = gold[first], [answer[first] for answer in answers]
        self._right = np.stack([(gold == answer).reshape(len(gold), -1).all(axis=1) for answer in answers], axis=1)
        self._support = self._pairs(gold)
        self._chosen = [self._pairs(answer) for answer in answers]
        self._hits = [self._pairs(gold, answer) for answer in answers]

    def _pairs(self, gold: NDArray[Any], answer: NDArray[Any] | None = None) -> _ClassPairs:
        """The outcomes with each class in gold, or with each class both in gold and in the answer."""
        if self.multi_label:
            having, classes = np.nonzero(gold if answer is None else (gold != 0) & (answer != 0))
            return _ClassPairs(having, classes, self.n_classes)
        rows = np.arange(len(gold)) if answer is None else np.flatnonzero(gold == answer)
        return _ClassPairs(rows, gold[rows], self.n_classes)

    def measure(self, counts: NDArray[Any]) -> Measured:
        """Compute accuracy, macro, micro and weighted F1 of each classifier.

        They are those of `textforge.classifiers.metrics`.

        Args:
            counts: how often each outcome occurs, shape (resamples, outcomes).
        """
        weighted = counts.astype(np.float64) if self._weights is None else counts * self._weights
        accuracy = weighted @ self._right / weighted.sum(axis=1, keepdims=True)
        support = self._support.sums(weighted)
        f1s = [
            self._f1(hits.sums(weighted), support, chosen.sums(weighted))
            for hits, chosen in zip(self._hits, self._chosen, strict=True)
        ]
        return {
            "accuracy": accuracy,
            **{name: np.stack([f1[name] for f1 in f1s], axis=1) for name in ("macro_f1", "micro_f1", "weighted_f1")},
        }

    def _f1(self, hits: NDArray[Any], support: NDArray[Any], chosen: NDArray[Any]) -> Measured:
        """The F1 averages from sums per class, each of shape (resamples, n_classes)."""
        total = support + chosen
        f1 = np.divide(2 * hits, total, out=np.zeros_like(total), where=total > 0)
        counted = np.full(len(f1), self.n_classes) if self.multi_label else (total > 0).sum(axis=1)
        sizes = support.sum(axis=1)
        return {
            "macro_f1": f1.sum(axis=1) / counted,
            "micro_f1": 2 * hits.sum(axis=1) / np.maximum(total.sum(axis=1), 1e-300),
            "weighted_f1": (f1 * support).sum(axis=1) / np.maximum(sizes, 1e-300),
        }

    @cached_property
    def observed(self) -> dict[str, NDArray[np.float64]]:
        """Metric name to the value of each classifier on the texts themselves, shape (classifiers,)."""
        return {name: values[0] for name, values in self.measure(self.counts[None]).items()}

    def bootstrap(self, times: int = TIMES, seed: int = SEED) -> Measured:
        """Measure every classifier on `times` resamples of the texts."""
        widest = max(len(self.counts), *(len(pairs.rows) for pairs in (self._support, *self._chosen)), self.n_classes)
        parts = [self.measure(drawn) for drawn in self._resamples(times, max(1, LARGEST // widest), seed)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _resamples(self, times: int, at_a_time: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """Draw as many texts as there are, with replacement; yield the counts of outcomes in chunks."""
        rng = np.random.default_rng(seed)
        n, outcomes = int(self.counts.sum()), len(self.counts)
        sparse = outcomes > DENSE * n
        outcome_of = np.repeat(np.arange(outcomes), self.counts)
        at_a_time = max(1, min(at_a_time, LARGEST // n)) if sparse else at_a_time
        for start in range(0, times, at_a_time):
            size = min(at_a_time, times - start)
            if sparse:
                drawn = outcome_of[rng.integers(0, n, (size, n))] + outcomes * np.arange(size)[:, None]
                yield np.bincount(drawn.ravel(), minlength=size * outcomes).reshape(size, outcomes)
            else:
                yield rng.multinomial(n, self.counts / n, size=size)


@dataclass
class _ClassPairs:
    """Pairs of outcome and class, to sum counts of outcomes by class."""

    rows: NDArray[Any]
    classes: NDArray[Any]
    n_classes: int

    def __post_init__(self) -> None:
        order = np.argsort(self.classes, kind="stable")
        self.rows, self.classes = self.rows[order], self.classes[order]
        self._present, self._starts = np.unique(self.classes, return_index=True)

    def sums(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum counts, shape (resamples, outcomes), by class; shape (resamples, n_classes)."""
        found = np.zeros((len(counts), self.n_classes))
        if len(self.rows):
            found[:, self._present] = np.add.reduceat(counts[:, self.rows], self._starts, axis=1)
        return found
