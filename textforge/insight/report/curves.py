"""The section of learning curves."""

from __future__ import annotations

from typing import Any

from textforge.insight.report.sources import Sources, json_lines
from textforge.runs import folder as run_folder

KEPT = 400
"""Largest number of epochs in a curve; of more, evenly spaced ones are kept."""


def curves(sources: Sources) -> list[dict[str, Any]]:
    """Return the epochs of each run: training loss, validation metrics, and the best epoch.

    Empty for a cross-validation, whose folds keep no log, and for models that are fitted in one pass.

    Raises:
        BundleError: a line of metrics.jsonl is damaged.
    """
    found = []
    for name, folder in zip(sources.names, sources.folders, strict=True):
        file = folder / run_folder.METRICS
        if not file.is_file():
            continue
        lines = json_lines(file.read_text(encoding="utf-8"), file)
        if len(lines) < 2:
            continue
        best = [line["number"] for line in lines if line.get("best")]
        found.append({"name": name, "best_epoch": best[-1] if best else None, "series": _series(_thinned(lines))})
    return found


def _thinned(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Evenly spaced epochs, the last one included, and every best one."""
    step = -(-len(lines) // KEPT)
    last_best = max((n for n, line in enumerate(lines) if line.get("best")), default=-1)
    return [line for n, line in enumerate(lines) if (len(lines) - 1 - n) % step == 0 or n == last_best]


def _series(lines: list[dict[str, Any]]) -> dict[str, list[list[float]]]:
    """`[epoch, value]` pairs by name: `train_loss`, and each validation metric as `valid_NAME`."""
    found: dict[str, list[list[float]]] = {}
    for line in lines:
        values = {"train_loss": line.get("train_loss")}
        values |= {f"valid_{name}": value for name, value in (line.get("valid") or {}).items()}
        for name, value in values.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found.setdefault(name, []).append([line["number"], value])
    return found
