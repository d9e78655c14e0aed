"""Examine labelled texts: run every detector, and sort what they find."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.data.dataset import Dataset
from textforge.errors import TextforgeError
from textforge.insight.doctor.cleaned_copy import clean, refuse_existing
from textforge.insight.doctor.detectors import DETECTORS, Detector
from textforge.insight.doctor.examined import MOST, Examined
from textforge.insight.doctor.finding import Finding, worst_first
from textforge.insight.doctor.sources import load_source
from textforge.runs.progress import Progress

CHEAP_CHARACTERS = 10_000_000
"""Number of characters above which not even the cheap detectors fit in the time of a report."""
INSTALL = "pip install 'textforge[doctor]'"


def doctor(
    data: str | Path | Dataset,
    *,
    test: str | Path | None = None,
    overrides: Iterable[str] = (),
    quick: bool = False,
    fix: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Find what is wrong with labelled texts, worst first.

    Args:
        data: a recipe, whose dataset is examined; a file or folder of labelled texts; or a `Dataset`.
        test: a file of test texts in the format of the file `data`.
        overrides: overrides of the recipe, or options of the dataset that reads the file, such as "text=review".
        quick: leave out the detectors that train classifiers.
        fix: a new folder for a cleaned copy of the data and a list of changes; the data themselves stay as they are.
        plugins, progress: as for `run`.

    Returns:
        JSON values: `data`; `splits`, the number of texts of each; `findings`, each with `kind`, `severity` ("high",
        "medium" or "low"), `count`, `what`, `advice`, `rows` (row numbers from 0 by split) and `examples`; `left_out`,
        what was not looked for, each with `what` and `why`; `warnings` of the dataset; `fixed`, the result of the
        cleaning or None; and `seconds`.

    Raises:
        RecipeError: the recipe or an option is wrong, or the folder `fix` exists.
        DataError: the data cannot be read.
        StorageError: the cleaned copy cannot be written.
    """
    began = time.perf_counter()
    plugins, progress = plugins or PluginManager(), progress or Progress()
    if fix is not None:
        refuse_existing(Path(fix))
    progress.stage("loading the data")
    source = load_source(data, test, overrides, plugins)
    examined = Examined.of(source.dataset)
    left_out = dict(_left_out(examined, source.dataset, quick=quick))
    findings: list[Finding] = []
    for detector in DETECTORS:
        if detector.what in left_out:
            continue
        progress.stage(f"looking for {detector.what}")
        try:
            findings += detector.find(examined, plugins)
        except TextforgeError as error:
            left_out[detector.what] = str(error)
    fixed = None
    if fix is not None:
        progress.stage("writing the cleaned copy")
        fixed = clean(examined, source, Path(fix), plugins)
    return {
        "data": "dataset" if isinstance(data, Dataset) else str(data),
        "splits": examined.sizes,
        "labels": len(examined.names),
        "findings": [one.as_json() for one in worst_first(findings)],
        "left_out": [{"what": what, "why": why} for what, why in left_out.items()],
        "warnings": [*source.dataset.warnings],
        "fixed": fixed,
        "seconds": round(time.perf_counter() - began, 3),
    }


def cheap_findings(dataset: Dataset, plugins: PluginManager) -> list[Finding] | None:
    """Return what the detectors that are cheap find, worst first; None for a stream or for too many texts."""
    splits = dataset.splits()
    if "train" not in splits or sum(len(text) for texts, _ in splits.values() for text in texts) > CHEAP_CHARACTERS:
        return None
    examined = Examined.of(dataset)
    chosen = [one for one in DETECTORS if one.cheap and not (one.single_label and examined.multi_label)]
    return worst_first([finding for detector in chosen for finding in detector.find(examined, plugins)])


def _left_out(data: Examined, dataset: Dataset, *, quick: bool) -> Iterator[tuple[str, str]]:
    """What is not looked for, and why."""
    for detector in DETECTORS:
        if reason := _reason(detector, data, quick=quick):
            yield detector.what, reason
    if dataset.n_train > data.sizes["train"]:
        yield f"texts after the first {MOST:,} of train", "the dataset streams them"
    if len(data.splits) == 1:
        yield "faults between splits", "the data have train only; name test texts with --test, or a recipe"


def _reason(detector: Detector, data: Examined, *, quick: bool) -> str | None:
    if detector.single_label and data.multi_label:
        return "it needs exactly one label per text"
    if detector.trains and quick:
        return "it trains classifiers, and --quick leaves that out"
    if detector.missing():
        return f"it needs {detector.library}: {INSTALL}"
    return None
