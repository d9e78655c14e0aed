"""The trained baseline of a run: another vectorizer and model on the same data. A file names them, not this code."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import json_text
from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.components.settings import UnknownLabels
from textforge.errors import RecipeError, StorageError
from textforge.recipes.document import read_document

if TYPE_CHECKING:
    from textforge.data.cache import CacheEntry
    from textforge.data.dataset import Dataset

TRAINED = Path(__file__).with_name("baseline.yaml")
"""The recipe of the baseline: `name`, `vectorizer` and `model`. It is data, so that the core names no component."""
FORMAT = 1
"""Version of the cached figures; raise it when their meaning changes."""


@dataclass(frozen=True)
class Baseline:
    """A vectorizer and a model that fits itself, to compare a run with."""

    name: str
    vectorizer: Part
    model: Part

    def figures(self, dataset: Dataset, seed: int, unknown_labels: UnknownLabels) -> tuple[dict[str, Any], list[str]]:
        """Return `name`, `accuracy` and `macro_f1` on the test split, the `seconds` that training took, and warnings.

        The figures are computed once for the same data, parts and seed, and kept in the cache folder. A warning says
        if they could not be kept.

        Raises:
            TextforgeError: the baseline cannot be trained on these data.
        """
        from textforge.data.cache import CacheEntry, not_kept

        warnings = []
        parts = {part.component.kind.name: [part.as_recipe(), str(part.component.origin)]
                 for part in (self.vectorizer, self.model)}  # fmt: skip
        key = [FORMAT, dataset.fingerprint(), parts, seed, unknown_labels]
        entry = CacheEntry.of("baselines", key, ".json")
        with entry.making():
            found = _read(entry)
            if found is None:
                found = self._train(dataset, seed, unknown_labels)
                try:
                    entry.put(lambda path: path.write_text(json_text(found), encoding="utf-8"))
                except StorageError as error:
                    warnings.append(not_kept(error))
        return {"name": self.name, **found}, warnings

    def _train(self, dataset: Dataset, seed: int, unknown_labels: UnknownLabels) -> dict[str, Any]:
        from textforge.training.trainer import Trainer

        assert dataset.test is not None
        began = time.perf_counter()
        trainer = Trainer(dataset, self.vectorizer, self.model, seed=seed, unknown_labels=unknown_labels)
        weights = dataset.weights_of("test")
        figures = trainer.fit().evaluate(*dataset.test, weights=weights, name="test", unknown_labels=unknown_labels)
        seconds = round(time.perf_counter() - began, 3)
        return {"accuracy": figures["accuracy"], "macro_f1": figures["macro_f1"], "seconds": seconds}


def load_baseline(plugins: PluginManager | None = None, path: Path = TRAINED) -> Baseline:
    """Look up the parts of the baseline among the installed plugins.

    Raises:
        PluginError: a part of it is not installed.
        RecipeError: the file is not such a recipe.
    """
    plugins = plugins or PluginManager()
    _, document = read_document(path)
    sections = document.plain()
    if not isinstance(sections, Mapping) or {*sections} != {"name", "vectorizer", "model"}:
        raise RecipeError(f"{path}: a baseline has a name, a vectorizer and a model, and nothing else.")
    parts = {}
    for kind in ("vectorizer", "model"):
        options = dict(sections[kind])
        parts[kind] = plugins.part(kind, options.pop("use"), **options)
    return Baseline(str(sections["name"]), parts["vectorizer"], parts["model"])


def losing_warnings(test: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a warning if a baseline is at least as good as the run, by accuracy and by macro F1.

    A run with a lower accuracy and a higher macro F1 does not lose: it trades the one for the other. A tie counts
    against the run only if the baseline needs no training. The warning names the best such baseline by accuracy.

    Args:
        test: the metrics of the run.
        baselines: the figures of each baseline.
    """
    own = (test["accuracy"], test["macro_f1"])
    better = [
        (figures["accuracy"], name, figures)
        for name, figures in baselines.items()
        if figures["accuracy"] >= own[0] and figures["macro_f1"] >= own[1]
        and ("name" not in figures or (figures["accuracy"], figures["macro_f1"]) != own)
        and own[0] < 1
    ]  # fmt: skip
    if not better:
        return []
    accuracy, name, figures = max(better, key=lambda one: one[0])
    who = {"majority": "always giving the most frequent answer", "stratified": "guessing by the training labels"}
    return [
        f"the run is no better than its baseline: test accuracy {own[0]:.4f} and macro F1 {own[1]:.4f}, but "
        f"{figures.get('name') or who[name]} has {accuracy:.4f} and {figures['macro_f1']:.4f}."
    ]


def _read(entry: CacheEntry) -> dict[str, Any] | None:
    """Cached figures; None if there are none, or if the file is damaged."""
    try:
        entry.used()
        found = json.loads(entry.path.read_text(encoding="utf-8"))
        return {key: float(found[key]) for key in ("accuracy", "macro_f1", "seconds")}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
