"""Metrics of plugins in a comparison: computed from probabilities, on the texts and on resamples of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.metrics import ExtraMetrics
from textforge.components.manager import PluginManager
from textforge.errors import DataError
from textforge.insight.resampling import SEED
from textforge.insight.systems import Tested

TIMES = 300
"""Number of resamples for such a metric: its code runs once for each, and may take milliseconds."""

Values = tuple[NDArray[np.float64], NDArray[np.float64]]
"""The metric of each run on the texts, shape (runs,), and on each resample, shape (resamples, runs)."""


def measure_added(tested: Tested, names: Sequence[str], plugins: PluginManager) -> dict[str, Values]:
    """Measure metrics of plugins for every run of a comparison.

    Raises:
        PluginError: there is no such metric.
        DataError: a run did not store the probabilities of all labels, or a metric is undefined on these texts.
        ComponentError: a metric raised an exception.
    """
    if not names:
        return {}
    metrics = ExtraMetrics(
        [plugins.part("metric", name) for name in names], labels=tested.labels, multi_label=tested.gold.ndim == 2
    )
    probabilities = [_every_probability(tested, run) for run in range(len(tested.runs))]
    answers = [answer for system in tested.systems for answer in system.answers]
    n = len(tested.gold)
    rng = np.random.default_rng(SEED)

    def measured(rows: NDArray[np.int64]) -> list[list[float]]:
        weights = None if tested.weights is None else tested.weights[rows]
        found = [
            metrics.measure(tested.gold[rows], one[rows], weights, answer[rows])
            for one, answer in zip(probabilities, answers, strict=True)
        ]
        return [[np.nan if run[name] is None else float(run[name] or 0) for run in found] for name in metrics.names]

    observed = np.array(measured(np.arange(n)))
    samples = np.array([measured(rng.integers(0, n, n)) for _ in range(TIMES)])
    results = {}
    for place, name in enumerate(metrics.names):
        defined = ~np.isnan(samples[:, place]).any(axis=1)
        if np.isnan(observed[place]).any() or not defined.any():
            raise DataError(f"metric '{name}' is undefined on these test texts.")
        results[name] = (observed[place], samples[defined, place])
    return results


def _every_probability(tested: Tested, place: int) -> NDArray[np.float32]:
    """The probabilities of a run for the texts and labels of the comparison, shape (texts, labels)."""
    run = tested.runs[place]
    stored = run.probabilities()[np.searchsorted(run.rows, tested.rows)]
    known = len(run.result.get("labels") or run.labels)
    if np.isnan(stored[:, :known]).any():
        raise DataError(
            f"{run.path}: a metric needs the probabilities of all labels, but the run stored the most probable ones "
            "only. Run it again with --probabilities all."
        )
    number = {label: n for n, label in enumerate(tested.labels)}
    found = np.zeros((len(stored), len(tested.labels)), dtype=np.float32)
    found[:, [number[label] for label in run.labels]] = np.nan_to_num(stored)
    return found
