"""A report as one HTML file that needs nothing else: no request leaves it, and it works from disk.

Jinja2 escapes every value. The page's policy (CSP) forbids requests, and any script but its own by the script's hash,
so a hostile label or text could not act even if it were not escaped.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from textforge.data.labels import label_name
from textforge.errors import shown, shown_lines
from textforge.insight.report import drawings
from textforge.insight.report.reasons import cut_pieces

TEMPLATES = Path(__file__).with_name("templates")
TABLE = 30
"""Largest number of classes whose confusion matrix is a table with numbers; larger ones are a picture."""
CLASSES = 500
"""Largest number of rows in the tables of classes."""
LABEL = 60
"""Number of characters of a label that are shown."""
OPEN = 300
"""Number of characters of a text that is shown without opening it."""
LEVELS = 8
"""Number of shades in the picture of a large confusion matrix."""


def page(found: Mapping[str, Any]) -> str:
    """Return the HTML of a report.

    Args:
        found: the result of `report`.
    """
    script, style = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _environment().get_template("page.html").render(
        found=found, script=script, style=style, script_hash=digest, charts=_charts(found), heat=_heat(found),
        excerpts=[_excerpt(row) for row in (found["mistakes"] or {"rows": ()})["rows"]], n_classes=CLASSES,
    )  # fmt: skip


@cache
def _environment() -> jinja2.Environment:
    """The compiled templates, which escape every value."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"label": _label, "labels": _labels, "text": shown_lines, "figure": _figure,
                            "metric": _metric, "share": _percent, "floored": _floored}  # fmt: skip
    return environment


def _excerpt(row: Mapping[str, Any]) -> dict[str, Any]:
    """The beginning of a mistake's text in marked pieces, and all of it if it is longer or has several lines."""
    whole = row["pieces"] or [(row["text"] or "", 0.0)]
    short = [*cut_pieces(whole, OPEN)]
    text = row["text"] or ""
    return {"short": short, "whole": whole if len(text) > OPEN or "\n" in text.strip() else None}


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


def _label(value: Any) -> str:
    """The name of a label, shortened."""
    name = shown(label_name(value))
    return name if len(name) <= LABEL else name[: LABEL - 1] + "…"


def _labels(value: Any) -> str:
    """The names of one label or of a list of labels."""
    return ", ".join(map(_label, value)) or "none" if isinstance(value, list) else _label(value)


def _figure(value: float | None, digits: int = 4) -> str:
    """A metric; a count or a sum of weights if it is above 1."""
    return "undefined" if value is None else f"{value:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _floored(threshold: float) -> str:
    """A threshold rounded down to six digits, so that an answer of just this probability reaches it."""
    return (
        f"{math.floor(threshold * 1e6) / 1e6:g}" if threshold < 0.9999 else f"{math.floor(threshold * 1e9) / 1e9:.9g}"
    )


def _metric(name: str) -> str:
    return shown(name.replace("_f1", " F1").replace("_", " "))
