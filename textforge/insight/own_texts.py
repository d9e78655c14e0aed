"""The texts that a run was tested on, read through the dataset of its own recipe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.data.dataset import Dataset, Split, as_dataset
from textforge.data.labels import label_name
from textforge.errors import DataError, TextforgeError
from textforge.insight.answers import TestedRun
from textforge.recipes.recipe import load_dataset_part
from textforge.runs import folder as run_folder
from textforge.runs.uninstalled import refuse_uninstalled


def recorded_digest(run: TestedRun) -> str | None:
    """SHA-256 of the texts and labels of the run's split, from its environment.json; None for an older run."""
    try:
        found = json.loads((run.path / run_folder.ENVIRONMENT).read_text(encoding="utf-8"))
        digest = found["data"]["splits"][run.split]["sha256"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return digest if isinstance(digest, str) else None


def dataset_of(run: Path, plugins: PluginManager) -> Dataset:
    """Build the dataset of a run with the options and the seed of its recipe, as the run built it.

    Raises:
        TextforgeError: the data cannot be loaded.
    """
    refuse_uninstalled(run, plugins, ["dataset"])
    part, seed = load_dataset_part(run / run_folder.RESOLVED, plugins=plugins)
    return as_dataset(part, seed)


@dataclass
class OwnTexts:
    """The texts of a run's split, loaded when they are first used.

    The dataset is built with the options and the seed of the run's recipe, as the run built it.
    """

    run: TestedRun
    plugins: PluginManager = field(default_factory=PluginManager)

    def texts(self) -> list[str]:
        """Return the text of each answer, in the order of the answers.

        Raises:
            DataError: the data have changed, so that the labels are not those of the answers.
            TextforgeError: the data cannot be loaded.
        """
        texts, labels = self._split
        rows, run = self.run.rows.tolist(), self.run
        in_range = max(rows) < len(texts)
        if not in_range or [*map(_names, (labels[row] for row in rows))] != [
            {label_name(label) for label in run.label_sets(run.gold, n)} for n in range(len(rows))
        ]:
            raise DataError(
                f"{run.path}: the data have changed since the run: the labels of the {run.split} split are not those "
                "that the run was compared with. Restore the data to see the texts."
            )
        return [texts[row] for row in rows]

    def warnings(self) -> list[str]:
        """Return a warning if the texts, or labels of rows that were left out, have changed since the run."""
        then = recorded_digest(self.run)
        if then is None or then == self.digest():
            return []
        return [f"{self.run.path}: the texts shown differ from those of the run (by their SHA-256)."]

    def digest(self) -> str:
        """SHA-256 of the texts, labels and weights as they are now.

        Raises:
            TextforgeError: the data cannot be loaded.
        """
        _ = self._split  # raises if there is no such split
        return self.dataset.split_fingerprint(self.run.split)

    def unchanged(self) -> bool:
        """Whether the data, loaded now, are those of the run, by the fingerprint of all splits.

        Raises:
            TextforgeError: the data cannot be loaded.
        """
        return self.dataset.fingerprint() == run_folder.data_fingerprint(self.run.path)

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset of the run's recipe, built anew.

        Raises:
            TextforgeError: the data cannot be loaded.
        """
        return dataset_of(self.run.path, self.plugins)

    @cached_property
    def _split(self) -> Split:
        split: Split | None = self.dataset.splits().get(self.run.split)
        if split is None:
            raise DataError(f"{self.run.path}: the data no longer have the split '{self.run.split}'.")
        return split


def texts_or_warning(own: OwnTexts, shown: Sequence[int]) -> tuple[dict[int, str], list[str]]:
    """Return the texts of some answers by their position, and warnings; no texts if they cannot be loaded."""
    if not shown:
        return {}, []
    try:
        texts = own.texts()
    except TextforgeError as error:
        return {}, [f"the texts cannot be shown, only their rows: {error}"]
    return {position: texts[position] for position in shown}, own.warnings()


def _names(labels: Any) -> set[str]:
    return {label_name(label) for label in (labels if isinstance(labels, tuple) else (labels,))}
