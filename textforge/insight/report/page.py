"""The page of a report: its charts, its heat map and its excerpts, rendered by its templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from textforge.insight.report import drawings
from textforge.insight.report.rendering import excerpt, render

TABLE = 30
"""Largest number of classes whose confusion matrix is a table with numbers; larger ones are a picture."""
CLASSES = 500
"""Largest number of rows in the tables of classes."""
LEVELS = 8
"""Number of shades in the picture of a large confusion matrix."""


def page(found: Mapping[str, Any]) -> str:
    """Return the HTML of a report.

    Args:
        found: the result of `report`.
    """
    mistakes = (found["mistakes"] or {"rows": ()})["rows"]
    excerpts = [excerpt(row["text"] or "", row["pieces"]) for row in mistakes]
    return render(
        "page.html", found=found, charts=_charts(found), heat=_heat(found), excerpts=excerpts, n_classes=CLASSES
    )


def _charts(found: Mapping[str, Any]) -> dict[str, Any]:
    calibration, coverage, data = found["calibration"], found["coverage"], found["data"]
    return {
        "curves": drawings.learning_curves(found["curves"]),
        "reliability": calibration and drawings.reliability(calibration),
        "confidence": calibration and drawings.confidence(calibration),
        "answered": coverage and drawings.answered(coverage),
        "precision_recall": [*drawings.precision_recall(found["thresholds"] or ())],
        "lengths": data["lengths"] and drawings.lengths(data["lengths"]),
    }


def _heat(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The confusion matrix as rows of cells with their share of the gold class, or as a picture if it is large."""
    section = found["confusion"]
    if section is None:
        return None
    n, cells = len(section["labels"]), section["cells"]
    sizes = [0.0] * n
    for gold, _, count in cells:
        sizes[gold] += count
    if n > TABLE:
        return {"n": n, "shades": _shades(cells, sizes), "cells": cells}
    rows: list[list[tuple[float, float]]] = [[(0, 0.0)] * n for _ in range(n)]
    for gold, predicted, count in cells:
        rows[gold][predicted] = (count, count / sizes[gold])
    return {"n": n, "rows": rows}


def _shades(cells: Iterable[list[Any]], sizes: list[float]) -> list[tuple[bool, float, str]]:
    """The cells of equal shade as one SVG path each: whether they are right answers, opacity, path.

    A path per cell would take megabytes for 200 classes.
    """
    paths: dict[tuple[bool, int], list[str]] = {}
    for gold, predicted, count in cells:
        level = min(LEVELS, 1 + int(LEVELS * (count / sizes[gold]) ** 0.5))  # the root, as most errors are rare
        paths.setdefault((gold == predicted, level), []).append(f"M{predicted} {gold}h1v1h-1z")
    return [(right, level / LEVELS, "".join(path)) for (right, level), path in sorted(paths.items())]
