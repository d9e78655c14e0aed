"""The section of figures: metrics with intervals, beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.metrics import classification_metrics, multi_label_metrics
from textforge.components.settings import TAKEN
from textforge.insight.intervals import Interval, bootstrap_interval, wilson
from textforge.insight.report.pool import Pool
from textforge.insight.report.sources import Sources, json_lines
from textforge.insight.resampling import SEED, Outcomes
from textforge.insight.seed_spread import mean_over_seeds
from textforge.runs import folder as run_folder

STANDARD = ("accuracy", "macro_f1", "weighted_f1", "micro_f1")


def figures(sources: Sources, pool: Pool) -> dict[str, Any]:
    """Return the metrics with 95 % intervals, those of each seed or fold, and the baselines.

    With several seeds a metric is the mean over the seeds, and its interval covers the luck of the seed, too. If the
    seeds have different test texts, there is no interval.
    """
    run = sources.tested[0]
    return {
        "split": run.split,
        "n": len(run.rows),
        "exact": pool.multi_label,
        "metrics": [*_standard(sources, pool), *_added(sources)],
        "baselines": _baselines(sources),
        "answered": _answered(sources, pool),
        "runs": _runs(sources),
    }


def _standard(sources: Sources, pool: Pool) -> list[dict[str, Any]]:
    """Accuracy and F1 averages; micro F1 only where it differs from accuracy."""
    names = [name for name in STANDARD if name != "micro_f1" or pool.multi_label]
    if len(sources.tested) > 1 and not sources.same_texts:
        return [_without_interval(name, sources.result["figures"][name]) for name in names]
    golds = [pool.gold[pool.run == number] for number in range(len(pool.runs))]
    answers = [pool.predicted[pool.run == number] for number in range(len(pool.runs))]
    weights = None if pool.weights is None else pool.weights[pool.run == 0]
    outcomes = Outcomes(golds[0], answers, len(pool.labels), weights)
    observed, samples = outcomes.observed, outcomes.bootstrap()
    found = []
    for name in names:
        interval = _interval(observed[name], samples[name])
        if name == "accuracy" and len(answers) == 1 and weights is None:
            interval = wilson(int(pool.right.sum()), len(pool.right))
        spread = {"std": float(observed[name].std(ddof=1))} if len(answers) > 1 else {}
        if sources.kind == "cross-validation":
            spread = {"std": sources.result["figures"][name]["std"]}
        found.append({"name": name, "value": float(observed[name].mean()), "interval": [*interval], **spread})
    return found


def _interval(observed: NDArray[np.float64], samples: NDArray[np.float64]) -> Interval:
    """The interval of the mean of a metric over runs."""
    mean = mean_over_seeds(observed, samples, np.random.default_rng([SEED, 1]))
    return bootstrap_interval(mean, float(observed.mean()))


def _without_interval(name: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "value": summary["mean"], "interval": None, "std": summary["std"]}


def _added(sources: Sources) -> list[dict[str, Any]]:
    """The recipe's own metrics, without intervals."""
    if sources.kind == "run":
        given = sources.result["test"]
        return [{"name": name, "value": value, "interval": None}
                for name, value in given.items() if name not in TAKEN and _is_figure(value)]  # fmt: skip
    summaries = sources.result.get("figures") or {}
    return [_without_interval(name, one) for name, one in summaries.items() if name not in (*STANDARD, *TAKEN)]


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _baselines(sources: Sources) -> list[dict[str, Any]]:
    """The baselines with a name to show."""
    names = {"majority": "majority class", "stratified": "stratified guess"}
    found = sources.result.get("baselines") or {}
    return [{**figures, "name": figures.get("name") or names.get(key, key)} for key, figures in found.items()]


def _answered(sources: Sources, pool: Pool) -> dict[str, Any] | None:
    """The share of texts that were answered and the accuracy on them; None if the classifier never abstains."""
    if all((run.result.get("decision") or {}).get("abstain") is None for run in sources.tested) and pool.answered.all():
        return None
    weights = np.ones(len(pool.right)) if pool.weights is None else pool.weights
    share, answered = float(np.average(pool.answered, weights=weights)), pool.answered
    right = float(np.average(pool.right[answered], weights=weights[answered])) if answered.any() else None
    return {"share": share, "accuracy": right}


def _runs(sources: Sources) -> list[dict[str, Any]]:
    """Accuracy and macro F1 of each seed or fold; none for a single run."""
    if sources.kind == "seeds":
        tests = [run.result["test"] for run in sources.tested]
        names = sources.names
    elif sources.kind == "cross-validation":
        file = sources.path / run_folder.PER_FOLD
        lines = json_lines(sources.text_of(run_folder.PER_FOLD) or "", file)
        tests, names = [line["test"] for line in lines], [f"fold {line['fold']}" for line in lines]
    else:
        return []
    return [{"name": name, **{key: test[key] for key in ("accuracy", "macro_f1", "n") if key in test}}
            for name, test in zip(names, tests, strict=True)]  # fmt: skip


def classes(pool: Pool) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and size of each class, over the answers of all runs."""
    measure = multi_label_metrics if pool.multi_label else classification_metrics
    found = measure(pool.gold, pool.predicted, pool.labels, pool.weights)["per_class"]
    return [{"label": label, **values} for label, values in found.items()]
