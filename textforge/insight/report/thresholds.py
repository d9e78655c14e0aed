"""The section of thresholds, for several labels per text: precision against recall of each label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.insight.report.pool import Pool

POINTS = 60
"""Largest number of points of a curve."""
CURVES = 24
"""Largest number of labels with a curve, the most frequent ones first."""


def thresholds(pool: Pool) -> list[dict[str, Any]] | None:
    """Return precision, recall and threshold of each label; None for single labels.

    `average_precision` is the area under precision as a step function of recall. `best` is the threshold with the
    highest F1 on these very texts, so its F1 is optimistic. Texts whose probability of a label was not stored are left
    out for this label.
    """
    if not pool.multi_label:
        return None
    used = (pool.runs[0].result.get("decision") or {}).get("thresholds")
    known = dict(zip(pool.runs[0].names, used or (), strict=False))
    weights = np.ones(len(pool.gold)) if pool.weights is None else pool.weights
    order = np.argsort(-pool.gold.sum(axis=0), kind="stable")
    with_curve = {*order[:CURVES].tolist()}
    found = []
    for number, name in enumerate(pool.names):
        stored = ~np.isnan(pool.probabilities[:, number])
        curve = _curve(pool.probabilities[stored, number], pool.gold[stored, number] > 0, weights[stored])
        points = curve.pop("points")
        found.append({
            "label": name,
            "threshold": known.get(name, 0.5),
            **curve,
            "points": points if number in with_curve else [],
        })  # fmt: skip
    return found


def _curve(scores: NDArray[np.float32], true: NDArray[np.bool_], weights: NDArray[np.float64]) -> dict[str, Any]:
    """Average precision, the threshold of the best F1, and points of the curve of one label."""
    total = float(weights[true].sum())
    if not total:
        return {"average_precision": None, "best": None, "points": []}
    order = np.argsort(-scores, kind="stable")
    scores, true, weights = scores[order], true[order], weights[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    hits, chosen = np.cumsum(weights * true)[ends], np.cumsum(weights)[ends]
    precision, recall = hits / chosen, hits / total
    f1 = 2 * hits / (chosen + total)
    best = int(f1.argmax())
    kept = np.unique(np.linspace(0, len(ends) - 1, min(POINTS, len(ends))).astype(int))
    return {
        "average_precision": float((np.diff(recall, prepend=0) * precision).sum()),
        "best": {"threshold": float(scores[ends[best]]), "f1": float(f1[best])},
        "points": [[float(recall[n]), float(precision[n]), float(scores[ends[n]])] for n in kept],
    }
