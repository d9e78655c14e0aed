"""The answers of all runs of a report, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.labels import label_names
from textforge.insight.answers import TestedRun
from textforge.insight.systems import renumbered


@dataclass(frozen=True)
class Pool:
    """Every answer of every run to a text that counts, in the order of the runs."""

    runs: Sequence[TestedRun]
    labels: tuple[Any, ...]
    run: NDArray[np.int64]
    """The number of the run that gave each answer, shape (answers,)."""
    position: NDArray[np.int64]
    """The position of each answer in its run, shape (answers,)."""
    gold: NDArray[Any]
    """In the form of `TestedRun.gold`, over `labels`."""
    predicted: NDArray[Any]
    """The likeliest answers; an abstention counts as the answer that was withheld."""
    weights: NDArray[np.float64] | None
    """The weight of each answer's text, shape (answers,); None if each counts once."""

    @property
    def multi_label(self) -> bool:
        return self.gold.ndim == 2

    @property
    def names(self) -> list[str]:
        return label_names(self.labels)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether each answer is entirely right, shape (answers,)."""
        return self._of_runs([run.right for run in self.runs])

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Whether the run gave each answer instead of abstaining, shape (answers,)."""
        return self._of_runs([run.answered for run in self.runs])

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of each answer, shape (answers,); see `TestedRun.confidence`."""
        return self._of_runs([run.confidence for run in self.runs])

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """The stored probabilities, float32, shape (answers, len(labels)); NaN for labels that were not stored."""
        spread = [_spread(run.probabilities(), run.labels, self.labels) for run in self.runs]
        return self._of_runs(spread)

    def _of_runs(self, values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        kept = [one[self.position[self.run == number]] for number, one in enumerate(values)]
        return np.concatenate(kept)


def pooled(runs: Sequence[TestedRun]) -> Pool:
    """Join the answers of at least one run. Texts of weight 0 are left out, as in the metrics of a run."""
    labels = tuple(dict.fromkeys(label for run in runs for label in run.labels))
    kept = [np.arange(len(run.rows)) if run.weights is None else np.flatnonzero(run.weights > 0) for run in runs]
    weighted = any(run.weights is not None for run in runs)
    weights = [np.ones(len(run.rows)) if run.weights is None else run.weights for run in runs]
    return Pool(
        runs,
        labels,
        np.repeat(np.arange(len(runs)), [len(at) for at in kept]),
        np.concatenate(kept),
        np.concatenate([renumbered(run.gold, run.labels, labels)[at] for run, at in zip(runs, kept, strict=True)]),
        np.concatenate([renumbered(run.predicted, run.labels, labels)[at] for run, at in zip(runs, kept, strict=True)]),
        np.concatenate([one[at] for one, at in zip(weights, kept, strict=True)]) if weighted else None,
    )


def _spread(found: NDArray[np.float32], labels: Sequence[Any], wanted: Sequence[Any]) -> NDArray[np.float32]:
    """Move the columns of labels to their places among the wanted ones; the others are NaN."""
    place = {name: n for n, name in enumerate(label_names(wanted))}
    wider = np.full((len(found), len(wanted)), np.nan, np.float32)
    wider[:, [place[name] for name in label_names(labels)]] = found
    return wider
