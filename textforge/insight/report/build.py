"""Build the report of a run: gather every section, then write the page if one is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
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
from textforge.insight.report.sources import Sources, read_sources
from textforge.insight.report.thresholds import thresholds
from textforge.insight.report.worst import worst_mistakes


def report(
    path: str | Path,
    out: str | Path | None = None,
    *,
    reasons: Reasons | bool = True,
    plugins: PluginManager | None = None,
) -> dict[str, Any]:
    """Report on a finished run, on the runs of several seeds, or on a cross-validation.

    Args:
        path: a run folder, a folder of `run --seeds`, or a cross-validation.
        out: the HTML file to write; an existing file is overwritten. None writes none.
        reasons: marks the words that drove the mistakes, and names those of each class. True explains the classifier
            of a single run as `explain` does, if classifier and data can be loaded; False shows plain texts.
        plugins: the plugin manager that looks up the dataset. Defaults to everything installed.

    Returns:
        JSON values: `run`, `kind` ('run', 'seeds' or 'cross-validation'), `recipe_name`, `warnings` about this report,
        and the sections `figures`, `recipe`, `classes`, `confusion`, `curves`, `calibration`, `coverage`, `thresholds`,
        `mistakes`, `words`, `data` and `environment`. A section that does not apply is None or empty: without a test
        split, there are no figures.

    Raises:
        BundleError: the run is unfinished or damaged.
        StorageError: the HTML file cannot be written.
    """
    sources = read_sources(path, plugins or PluginManager())
    found = gathered(sources, reasons=reasons) | {"run": str(path)}
    if out is not None:
        from textforge.classifiers.storage import write_text
        from textforge.insight.report.page import page

        write_text(Path(out), page(found))
    return found


def gathered(sources: Sources, *, reasons: Reasons | bool) -> dict[str, Any]:
    """Return the values of a report, as `report` does."""
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
