"""Gather the values of a report on a run, section by section."""

from __future__ import annotations

from typing import Any

from textforge.errors import TextforgeError
from textforge.insight.report.calibration import calibration
from textforge.insight.report.confusion import confusion
from textforge.insight.report.coverage import coverage
from textforge.insight.report.curves import curves
from textforge.insight.report.data import data_section
from textforge.insight.report.figures import classes, figures
from textforge.insight.report.origin import environment, recipe
from textforge.insight.report.pool import pooled
from textforge.insight.report.reasons import Reasons, class_words
from textforge.insight.report.sources import Sources
from textforge.insight.report.thresholds import thresholds
from textforge.insight.report.worst import worst_mistakes


def gathered(sources: Sources, *, reasons: Reasons | bool) -> dict[str, Any]:
    """The values of a report on a run, on the runs of several seeds, or on a cross-validation.

    Args:
        sources: the content of the folder.
        reasons: as for `report`.

    Returns:
        As described at `report`.
    """
    words, given, warnings = _words(sources, reasons)
    found: dict[str, Any] = {
        "run": str(sources.path),
        "kind": sources.kind,
        "recipe_name": sources.result.get("recipe") or sources.path.name,
        "n_runs": len(sources.folders),
        "valid": sources.result.get("valid"),
        "figures": None,
        "recipe": recipe(sources),
        "classes": [],
        "confusion": None,
        "curves": curves(sources),
        "calibration": None,
        "coverage": None,
        "thresholds": None,
        "mistakes": None,
        "words": words,
    }
    if sources.tested:
        pool = pooled(sources.tested)
        found |= {
            "figures": figures(sources, pool),
            "classes": classes(pool),
            "confusion": confusion(pool),
            "calibration": calibration(pool),
            "coverage": coverage(pool),
            "thresholds": thresholds(pool),
        }
        found["mistakes"], more = worst_mistakes(sources, pool, given)
        warnings += more
    found["data"], more = data_section(sources)
    return found | {"environment": environment(sources), "warnings": [*warnings, *more]}


def _words(sources: Sources, reasons: Reasons | bool) -> tuple[list[dict[str, Any]], Reasons | None, list[str]]:
    """Return the words that stand for each class, what marks words if anything can, and warnings."""
    if isinstance(reasons, bool):
        if not reasons or sources.kind != "run" or not sources.tested:
            return [], None, []
        from textforge.insight.explanations.marked_run import MarkedRun

        try:
            dataset = sources.dataset()
        except TextforgeError:  # the section of the data says why
            return [], None, []
        reasons = MarkedRun(sources.path, sources.plugins, dataset)
    try:
        return class_words(reasons), reasons, []
    except TextforgeError as error:
        return [], None, [f"words are not marked, because the run cannot be explained: {error}"]
