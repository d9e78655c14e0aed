"""Predictions beside gold labels, some of which the classifier may not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.components.settings import UnknownLabels
from textforge.data.dataset import as_labels
from textforge.data.gold import Gold, encode_gold
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
    labels: Sequence[Any],
    probabilities: NDArray[np.float32],
    name: str,
    unknown_labels: UnknownLabels = "error",
) -> Comparison:
    """Encode gold labels, and treat those that the classifier does not know as `encode_gold` says.

    Raises:
        DataError: the numbers of labels and probabilities differ, there are none, a label is unknown and
            `unknown_labels` is 'error', or the texts have sets of labels and the classifier gives single ones.
    """
    rows = as_labels(labels, name)
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
    gold = encode_gold(rows, classifier.labels, name, unknown_labels)
    if gold.rows is not None:
        probabilities = probabilities[gold.rows]
    wider, probabilities = with_labels(classifier, probabilities, gold.names)
    return Comparison(wider, gold, probabilities)


def measured(comparison: Comparison, metrics: ExtraMetrics | None = None) -> dict[str, Any]:
    """Compute the metrics of a comparison (see `textforge.classifiers.metrics`), and count unknown labels."""
    gold, probabilities = comparison.gold, comparison.probabilities
    decision = comparison.classifier.decision
    chosen = decision.chosen(probabilities)
    results = (multi_label_metrics if decision.multi_label else classification_metrics)(gold.y, chosen, gold.names)
    if metrics is not None:
        results |= metrics.for_labels(gold.names).measure(gold.y, probabilities)
    if decision.abstain is not None:
        answered = decision.answered(probabilities)
        right = float((gold.y == chosen)[answered].mean()) if answered.any() else None
        results["answered"] = {"share": float(answered.mean()), "accuracy": right}
    return results | gold.figures()


def with_labels(
    classifier: Classifier, probabilities: NDArray[np.float32], labels: Sequence[Any]
) -> tuple[Classifier, NDArray[np.float32]]:
    """Extend a classifier and its probabilities to more labels; those it was not trained on get probability 0."""
    from textforge.classifiers.classifier import Classifier

    if len(classifier.labels) == len(labels):
        return classifier, probabilities
    place = {label: n for n, label in enumerate(labels)}
    spread = np.zeros((len(probabilities), len(labels)), dtype=np.float32)
    spread[:, [place[label] for label in classifier.labels]] = probabilities
    decision = classifier.decision
    if decision.thresholds is not None:
        at = dict(zip(classifier.labels, decision.thresholds, strict=True))
        decision = replace(decision, thresholds=tuple(at.get(label, 1.0) for label in labels))
    wider = Classifier(classifier.vectorizer, classifier.module, labels, device=classifier.device, decision=decision)
    return wider, spread
