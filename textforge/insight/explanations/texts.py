"""Explain the predictions of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from textforge.classifiers.classifier import Classifier
from textforge.components.manager import PluginManager
from textforge.components.part import part_name
from textforge.data.dataset import as_texts
from textforge.data.labels import label_name, label_names
from textforge.errors import RecipeError, did_you_mean, listed
from textforge.features.ragged import Features, Ragged
from textforge.insight.explanations.attribution import Attribution, attribute
from textforge.insight.explanations.deletion import attribute_by_deletion
from textforge.insight.explanations.explanation import Explanation
from textforge.insight.explanations.occurrences import Occurrences, occurrences
from textforge.insight.explanations.placing import placed, strongest_features
from textforge.insight.explanations.words import Pieces, distinct_words, words
from textforge.runs.loading import load

MOST_CLASSES, PROBABLE = 12, 5
"""With at most MOST_CLASSES classes all are explained by default; with more, the PROBABLE most probable ones."""


def explain(
    classifier: Classifier | str | Path,
    texts: Sequence[str],
    *,
    labels: Sequence[Any] | None = None,
    plugins: PluginManager | None = None,
) -> list[Explanation]:
    """Explain what each word of each text gave to each class.

    Exact where the model explains itself, as linear models over bags of words do; by integrated gradients
    (Sundararajan et al. 2017) over other networks; and by deleting words for models without gradients, dense features,
    and vectorizers that cannot say where their features stand.

    Args:
        classifier: a classifier, or the path of a run or bundle to load.
        texts: a sequence of str.
        labels: the classes to explain, as labels or their names. By default all of up to 12 classes, else the five
            most probable ones of each text.
        plugins: the plugin manager that looks up components. Defaults to everything installed.

    Raises:
        DataError: an item of `texts` is not a str.
        RecipeError: a label is unknown.
        BundleError: there is no finished run or bundle at that path, or it is damaged.
        ComponentError: the model's `explain` or the vectorizer's `spans` breaks the contract.
    """
    if not isinstance(classifier, Classifier):
        classifier = load(classifier, plugins=plugins)
    chosen = None if labels is None else [class_number(classifier, label) for label in labels]
    return [_explained(classifier, text, chosen) for text in as_texts(texts, "texts")]


def class_number(classifier: Classifier, label: Any) -> int:
    """Return the number of a class by its label or the label's name.

    Raises:
        RecipeError: the classifier does not know it.
    """
    names = label_names(classifier.labels)
    if (name := label_name(label)) not in names:
        raise RecipeError(
            f"no label '{name}' in this classifier.{did_you_mean(name, names)} Its labels: {listed(names)}."
        )
    return names.index(name)


def _explained(classifier: Classifier, text: str, chosen: Sequence[int] | None) -> Explanation:
    features = classifier.features([text])
    probabilities = classifier.probabilities(features)
    order = np.argsort(-probabilities[0], kind="stable").tolist()
    if chosen is None:
        classes = order if len(order) <= MOST_CLASSES else order[:PROBABLE]
    else:
        classes = [number for number in order if number in chosen]
    found, where = by_features(classifier, text, features, classes)
    pieces: Pieces
    if found is not None and where is not None:
        pieces = distinct_words(text, where.starts, where.ends)
        centred = comparable(classifier, found)
        values, rest = placed(centred.values, where, pieces, len(text))
        strongest = strongest_features(text, centred.values, where)
    else:
        pieces = words(text)
        centred = comparable(classifier, attribute_by_deletion(classifier, text, pieces, classes))
        values, rest, strongest = centred.values, np.zeros(len(classes)), ()
    return Explanation(
        text,
        tuple(classifier.labels[n] for n in classes),
        classifier.answers(probabilities)[0],
        probabilities[0][classes].astype(np.float64),
        pieces, values, strongest, centred.bias[classes], rest, centred.method, centred.gap,
    )  # fmt: skip


def by_features(
    classifier: Classifier, text: str, features: Features, classes: Sequence[int]
) -> tuple[Attribution | None, Occurrences | None]:
    """Attribute the outputs to the features of a text; None if they have no place in it or no gradient."""
    if not isinstance(features, Ragged):
        return None, None
    who = part_name(classifier.parts.get("vectorizer"), "the vectorizer")
    where = occurrences(classifier.vectorizer, who, text, features.indices)
    if where is None:
        return None, None
    return attribute(classifier, features, classes), where


def comparable(classifier: Classifier, found: Attribution) -> Attribution:
    """Divide by the temperature, and subtract from exclusive classes what is common to all of them."""
    temperature, values = classifier.decision.temperature, found.values
    bias = found.bias
    if not classifier.decision.multi_label:
        values = values - found.mean[:, None]
        bias = bias - bias.max(initial=-np.inf)
    return replace(found, values=values / temperature, bias=bias / temperature, gap=found.gap / temperature)
