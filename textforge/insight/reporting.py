"""Report on any finished work: a run, several seeds, a cross-validation, or a tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.insight.report.build import gathered
from textforge.insight.report.reasons import Reasons
from textforge.insight.report.sources import read_sources
from textforge.insight.tuning.report import tuning_values
from textforge.runs.tuning.identity import is_tuning


def report(
    path: str | Path,
    out: str | Path | None = None,
    *,
    reasons: Reasons | bool = True,
    plugins: PluginManager | None = None,
) -> dict[str, Any]:
    """Report on a finished run, on the runs of several seeds, on a cross-validation, or on a tuning.

    Args:
        path: a run folder, a folder of `run --seeds`, a cross-validation, or a folder of `tune`.
        out: the HTML file to write; an existing file is overwritten. None writes none.
        reasons: marks the words that drove the mistakes, and names those of each class. True explains the classifier
            of a single run as `explain` does, if classifier and data can be loaded; False shows plain texts.
        plugins: the plugin manager that looks up the dataset. Defaults to everything installed.

    Returns:
        JSON values: `run`, `kind` ('run', 'seeds' or 'cross-validation'), `recipe_name`, `warnings` about this report,
        and the sections `figures`, `recipe`, `classes`, `confusion`, `curves`, `calibration`, `coverage`, `thresholds`,
        `mistakes`, `words`, `data` and `environment`. A section that does not apply is None or empty: without a test
        split, there are no figures. For a tuning: `run`, `kind` ('tuning'), the content of tuning.json, and the text of
        best.yaml as `best`.

    Raises:
        BundleError: the run or the tuning is unfinished or damaged.
        StorageError: the HTML file cannot be written.
    """
    if is_tuning(path):
        found = {"run": str(path), "kind": "tuning", **tuning_values(path)}
    else:
        found = gathered(read_sources(path, plugins or PluginManager()), reasons=reasons) | {"run": str(path)}
    if out is not None:
        from textforge.classifiers.storage import write_text
        from textforge.insight.report import page as of_run
        from textforge.insight.tuning import report as of_tuning

        html = (of_tuning if found["kind"] == "tuning" else of_run).page(found)
        write_text(Path(out), html)
    return found
