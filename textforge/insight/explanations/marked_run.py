"""Explanations of a run for its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from textforge.classifiers.classifier import Classifier
from textforge.components.manager import PluginManager
from textforge.data.dataset import Dataset
from textforge.data.labels import label_names
from textforge.insight.explanations.classes import by_weight, contributions, training_texts
from textforge.insight.explanations.texts import explain
from textforge.insight.own_texts import dataset_of
from textforge.runs.loading import load


class MarkedRun:
    """Marks the words that led to the answers of a run, and names the words of its classes, as a report asks.

    Args:
        path: a finished run.
        plugins: the plugin manager that looks up components. Defaults to everything installed.
        dataset: the data of its recipe, if they are loaded already.
    """

    def __init__(self, path: str | Path, plugins: PluginManager | None = None, dataset: Dataset | None = None) -> None:
        self.path: Path = Path(path)
        self.plugins: PluginManager = plugins or PluginManager()
        self._dataset = dataset

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier, loaded when it is first used."""
        return load(self.path, plugins=self.plugins)

    def marked(self, texts: Sequence[str], answers: Sequence[Any]) -> list[list[tuple[str, float]]]:
        """Cut each text into pieces by what they gave to its answer, divided by the largest of the text: -1 to 1.

        Args:
            texts: the texts.
            answers: a label or a list of labels for each text; without a label, the most probable one is explained.
        """
        found = []
        for text, answer in zip(texts, answers, strict=True):
            labels = answer if isinstance(answer, (list, tuple)) else [] if answer is None else [answer]
            (explanation,) = explain(self.classifier, [text], labels=labels or None)
            each = [explanation.marks(label) for label in labels or [None]]
            weights = np.array([[weight for _, weight in marks] for marks in each]).sum(axis=0)
            largest = np.abs(weights).max(initial=0) or 1.0
            pieces = [piece for piece, _ in each[0]]
            found.append([*zip(pieces, (weights / largest).tolist(), strict=True)])
        return found

    def class_words(self, limit: int) -> Mapping[str, list[tuple[str, float]]]:
        """Return the words that stand for each class, the strongest first, with their mean contributions."""
        texts, _ = training_texts(self._dataset or dataset_of(self.path, self.plugins))
        names = label_names(self.classifier.labels)
        found, _, _ = contributions(self.classifier, texts, names, quick=True)
        return {
            name: [(word, float(np.mean(means[word]))) for word in by_weight(means)[:limit] if sum(means[word]) > 0]
            for name, means in found.items()
        }
