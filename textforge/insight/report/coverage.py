"""The section of abstention: accuracy against the share of texts that are answered."""

from __future__ import annotations

from typing import Any

import numpy as np

from textforge.insight.report.pool import Pool

SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
"""The shares answered that the table has."""
POINTS = 200
"""Largest number of points of the curve."""


def coverage(pool: Pool) -> dict[str, Any] | None:
    """Return the accuracy on the texts that would be answered if `decision.abstain` were set to each threshold.

    None for sets of labels, which have no abstention. Answers of equal confidence are answered together or not at all.
    """
    known = ~np.isnan(pool.confidence)
    if pool.multi_label or not known.any():
        return None
    confidence = pool.confidence[known]
    weights = (np.ones(len(pool.right)) if pool.weights is None else pool.weights)[known]
    order = np.argsort(-confidence, kind="stable")
    confidence, weights = confidence[order], weights[order]
    answered, right = np.cumsum(weights), np.cumsum(weights * pool.right[known][order])
    ends = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))  # the last answer of each confidence
    points = [
        {"share": float(answered[n] / answered[-1]), "accuracy": float(right[n] / answered[n]),
         "threshold": float(confidence[n])}
        for n in ends.tolist()
    ]  # fmt: skip
    shares = np.array([point["share"] for point in points])
    chosen = dict.fromkeys(int(np.abs(shares - wanted).argmin()) for wanted in SHARES)
    kept = sorted({*np.linspace(0, len(points) - 1, min(POINTS, len(points))).astype(int).tolist(), *chosen})
    used = [(run.result.get("decision") or {}).get("abstain") for run in pool.runs]
    return {"abstain": used[0], "table": [points[n] for n in chosen], "points": [points[n] for n in kept]}
