"""Explain the predictions of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.classifier import Classifier
from textforge.components.manager import PluginManager
from textforge.components.part import part_name
from textforge.components.rows import Row
from textforge.data.given_rows import GivenTexts
from textforge.data.labels import label_name, label_names
from textforge.errors import RecipeError, did_you_mean, listed
from textforge.features.ragged import Features, Ragged
from textforge.insight.explanations.attribution import POINTS, Attribution, attribute
from textforge.insight.explanations.deletion import attribute_by_deletion, deleted_columns
from textforge.insight.explanations.explanation import Explanation, FeatureContribution
from textforge.insight.explanations.occurrences import Occurrences, occurrences
from textforge.insight.explanations.placing import column_contributions, placed, strongest_features
from textforge.insight.explanations.words import Pieces, distinct_words, words
from textforge.runs.loading import load

MOST_CLASSES, PROBABLE = 12, 5
"""With at most MOST_CLASSES classes all are explained by default; with more, the PROBABLE most probable ones."""


def explain(
    classifier: Classifier | str | Path,
    texts: GivenTexts,
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
        texts: a sequence of str; for a classifier that reads columns, as for `Classifier.predict`.
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
    return [_explained(classifier, text, chosen) for text in classifier.rows(texts)]


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
    of_words = attribute_words(classifier, text, features, classes)
    found, where = of_words.found, of_words.where
    return Explanation(
        str(text),
        tuple(classifier.labels[n] for n in classes),
        classifier.answers(probabilities)[0],
        probabilities[0][classes].astype(np.float64),
        of_words.pieces, of_words.values,
        () if where is None else strongest_features(text, found.values, where),
        found.bias[classes], of_words.rest, found.method, found.gap, of_words.columns,
    )  # fmt: skip


@dataclass(frozen=True)
class WordAttribution:
    """What the words of a text gave to the explained classes.

    Args:
        pieces: the words of the text.
        values: float64, shape (words, classes).
        rest: float64, shape (classes,): contributions that no word takes.
        found: the contributions of the features, or of the words where these were deleted.
        where: the occurrences of the features; None where words were deleted.
        columns: what the columns of the text gave, the strongest first.
    """

    pieces: Pieces
    values: NDArray[np.float64]
    rest: NDArray[np.float64]
    found: Attribution
    where: Occurrences | None
    columns: tuple[FeatureContribution, ...] = ()


def attribute_words(
    classifier: Classifier, text: str, features: Features, classes: Sequence[int], points: Sequence[int] = POINTS
) -> WordAttribution:
    """Attribute the outputs for a text to its words, whatever the vectorizer and the model.

    Args:
        classifier: the classifier.
        text: the text.
        features: its features, one row.
        classes: numbers of the classes to explain.
        points: as for `attribute`.
    """
    if isinstance(text, Row):
        text = text.only(classifier.columns)
    found, where = by_features(classifier, text, features, classes, points)
    if found is not None and where is not None:
        pieces = distinct_words(text, where.starts, where.ends)
        centred = comparable(classifier, found)
        values, rest = placed(centred.values, where, pieces, len(text))
        return WordAttribution(pieces, values, rest, centred, where, column_contributions(centred.values, where))
    pieces = words(text)
    centred = comparable(classifier, attribute_by_deletion(classifier, text, pieces, [*classes]))
    of_words, of_columns = centred.values[: len(pieces)], deleted_columns(text, centred.values[len(pieces) :])
    return WordAttribution(pieces, of_words, np.zeros(len(classes)), centred, None, of_columns)


def by_features(
    classifier: Classifier, text: str, features: Features, classes: Sequence[int], points: Sequence[int] = POINTS
) -> tuple[Attribution | None, Occurrences | None]:
    """Attribute the outputs to the features of a text; None if they have no place in it or no gradient."""
    if not isinstance(features, Ragged):
        return None, None
    who = part_name(classifier.parts.get("vectorizer"), "the vectorizer")
    where = occurrences(classifier.vectorizer, who, text, features.indices)
    if where is None:
        return None, None
    return attribute(classifier, features, classes, points), where


def comparable(classifier: Classifier, found: Attribution) -> Attribution:
    """Divide by the temperature, and subtract from exclusive classes what is common to all of them."""
    temperature, values = classifier.decision.temperature, found.values
    bias = found.bias
    if not classifier.decision.multi_label:
        values = values - found.mean[:, None]
        bias = bias - bias.max(initial=-np.inf)
    return replace(found, values=values / temperature, bias=bias / temperature, gap=found.gap / temperature)
