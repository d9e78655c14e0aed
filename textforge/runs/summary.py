"""Mean and standard deviation of the metrics of several runs, and the means of their baselines."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any


def summarize(figures: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Compute mean, standard deviation, min and max of each metric that all runs measured, and list its values.

    The standard deviation is the sample standard deviation (n - 1); it is 0 for a single run.
    """
    found = {}
    for name in figures[0]:
        values = [one.get(name) for one in figures]
        if name in ("n", "total_weight") or not all(isinstance(value, (int, float)) for value in values):
            continue
        found[name] = {
            "mean": statistics.fmean(values),  # type: ignore[arg-type]
            "std": statistics.stdev(values) if len(values) > 1 else 0.0,  # type: ignore[type-var]
            "min": min(values),  # type: ignore[type-var]
            "max": max(values),  # type: ignore[type-var]
            "values": values,
        }
    return found


def mean_baselines(baselines: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Compute the mean accuracy and macro F1 of each baseline that all runs have."""
    return {
        name: {
            **({"name": first["name"]} if "name" in first else {}),
            **{key: statistics.fmean(one[name][key] for one in baselines) for key in ("accuracy", "macro_f1")},
        }
        for name, first in baselines[0].items()
        if all(name in one for one in baselines)
    }


def shown_summary(result: Mapping[str, Any], of: str) -> str:
    """Accuracy and macro F1 of several runs in a few words.

    Args:
        result: the content of a summary file, with `figures`.
        of: what differs between the runs, as a plural.
    """
    figures = result["figures"]
    means = [
        f"{name} {figures[key]['mean']:.4g} ± {figures[key]['std']:.2g}"
        for key, name in (("accuracy", "accuracy"), ("macro_f1", "macro F1"))
        if key in figures
    ]
    runs = len(figures["accuracy"]["values"]) if "accuracy" in figures else 0
    return ", ".join(means) + f" over {runs} {of}" if means else f"no metrics over the {of}"
