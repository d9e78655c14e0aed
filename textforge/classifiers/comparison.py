"""Predictions beside gold labels, some of which the classifier may not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.decision import Scored
from textforge.classifiers.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.components.settings import UnknownLabels
from textforge.data.dataset import as_labels
from textforge.data.gold import Gold, Labelled, encode_gold
from textforge.errors import DataError

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier


@dataclass(frozen=True)
class Comparison:
    """Gold labels and probabilities over the same classes: those of the classifier, and unknown ones that count.

    Args:
        classifier: a classifier with the labels `gold.names`.
        gold: the gold labels of n texts.
        probabilities: float32, shape (n, len(gold.names)); 0 for an unknown label.
    """

    classifier: Classifier
    gold: Gold
    probabilities: NDArray[np.float32]


def compare(
    classifier: Classifier,
    labelled: Labelled,
    probabilities: NDArray[np.float32],
    unknown_labels: UnknownLabels = "error",
) -> Comparison:
    """Encode gold labels, and treat those that the classifier does not know as `encode_gold` says.

    Raises:
        DataError: the numbers of labels and probabilities differ, there are none, a label is unknown and
            `unknown_labels` is 'error', or the texts have sets of labels and the classifier gives single ones.
    """
    name = labelled.name
    rows = as_labels(labelled.labels, name)
    if len(rows) != len(probabilities):
        raise DataError(f"{name}: {len(probabilities)} texts but {len(rows)} labels.")
    if not rows:
        raise DataError(f"{name}: no texts to evaluate on.")
    several = classifier.decision.multi_label
    if isinstance(rows[0], tuple) != several:
        raise DataError(
            f"{name}: its texts have {'one label each' if several else 'lists of labels'}; "
            f"the classifier gives {'sets of labels' if several else 'one label per text'}."
        )
    gold = encode_gold(rows, classifier.labels, name, unknown_labels, labelled.weights)
    if gold.rows is not None:
        probabilities = probabilities[gold.rows]
    wider, probabilities = with_labels(classifier, probabilities, gold.names)
    return Comparison(wider, gold, probabilities)


def measured(comparison: Comparison, metrics: ExtraMetrics | None = None) -> dict[str, Any]:
    """Compute the metrics of a comparison (see `textforge.classifiers.metrics`), and count unknown labels.

    Texts of weight 0 are left out.
    """
    gold, decision = comparison.gold, comparison.classifier.decision
    probabilities, y, weights = Scored(comparison.probabilities, gold.y, gold.weights).counted()
    chosen = decision.chosen(probabilities)
    measure = multi_label_metrics if decision.multi_label else classification_metrics
    results = measure(y, chosen, gold.names, weights)
    if metrics is not None:
        results |= metrics.for_labels(gold.names).measure(y, probabilities, weights, chosen)
        if weights is not None and metrics.unweighted:
            results["unweighted"] = metrics.unweighted
    if decision.abstain is not None:
        answered = decision.answered(probabilities)
        of_these = None if weights is None else weights[answered]
        right = float(np.average((y == chosen)[answered], weights=of_these)) if answered.any() else None
        results["answered"] = {"share": float(np.average(answered, weights=weights)), "accuracy": right}
    return results | gold.figures()


def with_labels(
    classifier: Classifier, probabilities: NDArray[np.float32], labels: Sequence[Any]
) -> tuple[Classifier, NDArray[np.float32]]:
    """Extend a classifier and its probabilities to more labels; those it was not trained on get probability 0."""
    from textforge.classifiers.classifier import computed_by

    if len(classifier.labels) == len(labels):
        return classifier, probabilities
    place = {label: n for n, label in enumerate(labels)}
    spread = np.zeros((len(probabilities), len(labels)), dtype=np.float32)
    spread[:, [place[label] for label in classifier.labels]] = probabilities
    decision = classifier.decision
    if decision.thresholds is not None:
        at = dict(zip(classifier.labels, decision.thresholds, strict=True))
        decision = replace(decision, thresholds=tuple(at.get(label, 1.0) for label in labels))
    return computed_by(classifier.engine, classifier.vectorizer, labels, decision=decision), spread
