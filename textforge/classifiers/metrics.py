"""Classification metrics: the standard ones of every run, and those that a recipe adds.

The standard metrics are implemented in numpy, because importing scikit-learn's takes a second. They equal
`sklearn.metrics.f1_score(gold, predicted, average=…, zero_division=0)`, with `sample_weight` if texts have weights,
for class numbers and for 0/1 matrices. For
class numbers, macro F1 ignores a class that is neither in gold nor predicted; for matrices, an empty column counts
as 0. Tests compare the two.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.confusion import confusion_matrix
from textforge.classifiers.decision import Decision
from textforge.components.part import Part, listed_names, part_name, plugin_errors
from textforge.components.settings import TAKEN
from textforge.data.labels import label_names
from textforge.data.offered import called_offering
from textforge.data.weights import Weights, takes_weights
from textforge.errors import ComponentError, RecipeError, listed

Metric = Callable[..., "float | None"]
"""A function of gold (class numbers, or a 0/1 matrix) and probabilities; returns a float, or None if undefined.

If it has a parameter `weights`, float64 (n,) or None, it counts each text as often as its weight says. If it has a
parameter `answers`, it gets what the decision chooses: class numbers, int64 (n,), or 0/1 (n, n_classes).
"""


def classification_metrics(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[Any], weights: Weights | None = None
) -> dict[str, Any]:
    """Compute accuracy, macro, micro and weighted F1, metrics per class, and the confusion matrix, as plain values.

    Args:
        gold: class numbers, int64, shape (n,), n at least 1.
        predicted: class numbers, int64, shape (n,).
        labels: the label of each class; results have their names as keys.
        weights: how often each text counts, above 0, shape (n,); None counts each once. Supports and the cells of the
            confusion matrix are then sums of weights.
    """
    right = gold == predicted
    hits, support, chosen = (
        np.bincount(which[rows], None if weights is None else weights[rows], len(labels))
        for which, rows in ((gold, right), (gold, ...), (predicted, ...))
    )
    results = _f1_metrics(hits, support, chosen, labels, counted=(support + chosen) > 0)
    accuracy = float(hits.sum() / (len(gold) if weights is None else weights.sum()))
    return {
        "accuracy": accuracy,
        **results,
        "micro_f1": accuracy,  # micro F1 equals accuracy for single-label data
        **_size(gold, weights),
        "confusion_matrix": confusion_matrix(gold, predicted, labels, weights),
    }


def multi_label_metrics(
    gold: NDArray[Any], predicted: NDArray[Any], labels: Sequence[Any], weights: Weights | None = None
) -> dict[str, Any]:
    """Compute the metrics of `classification_metrics` for sets of labels, without the confusion matrix.

    Accuracy is the share of texts whose whole set of labels is predicted correctly. As in scikit-learn, macro F1 is
    the mean over all labels, and a label that is neither in gold nor predicted counts as 0.

    Args:
        gold: 0/1 matrix, shape (n, n_classes), n at least 1.
        predicted: 0/1 matrix, shape (n, n_classes).
        labels: the label of each class; results have their names as keys.
        weights: how often each text counts, above 0, shape (n,); None counts each once.
    """
    gold, predicted = gold.astype(bool), predicted.astype(bool)
    hits, support, chosen = (
        which.sum(axis=0) if weights is None else weights @ which for which in (gold & predicted, gold, predicted)
    )
    return {
        "accuracy": float(np.average((gold == predicted).all(axis=1), weights=weights)),
        **_f1_metrics(hits, support, chosen, labels, counted=np.ones(len(labels), dtype=bool)),
        **_size(gold, weights),
    }


def _size(gold: NDArray[Any], weights: Weights | None) -> dict[str, Any]:
    """The number of texts, and the sum of their weights if they have any."""
    return {"n": len(gold)} if weights is None else {"n": len(gold), "total_weight": float(weights.sum())}


def _f1_metrics(
    hits: NDArray[Any],
    support: NDArray[Any],
    chosen: NDArray[Any],
    labels: Sequence[Any],
    *,
    counted: NDArray[np.bool_],
) -> dict[str, Any]:
    """Compute F1 averages and metrics per class from counts or sums of weights, each of shape (n_classes,).

    Args:
        hits: correct predictions of each class.
        support: gold texts of each class.
        chosen: predictions of each class.
        labels: the label of each class; results have their names as keys.
        counted: whether macro F1 includes the class.
    """
    precision, recall = _ratio(hits, chosen), _ratio(hits, support)
    f1 = _ratio(2 * hits, support + chosen)
    return {
        "macro_f1": float(f1[counted].mean()),
        "micro_f1": float(2 * hits.sum() / ((support + chosen).sum() or 1)),
        "weighted_f1": float((f1 * support).sum() / (support.sum() or 1)),
        "per_class": {
            label: {
                "precision": float(precision[n]),
                "recall": float(recall[n]),
                "f1": float(f1[n]),
                "support": support[n].item(),
            }
            for n, label in enumerate(label_names(labels))
        },
    }


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """Divide element by element; the result is 0 where the denominator is 0."""
    ratio: NDArray[np.float64] = np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)
    return ratio


def _is_number(value: Any) -> bool:
    """Whether a value is a real number, or a zero-dimensional array or tensor of one."""
    if getattr(value, "shape", None) == ():
        value = value.item()
    return isinstance(value, Real) and not isinstance(value, bool)


class ExtraMetrics:
    """The additional metrics of a recipe, by their names in results.

    Args:
        metrics: metric `Part`s, or a mapping of names to callables (gold, probabilities) -> float or None.
        labels: the classes, in the order of the probabilities' columns; metric parts get their names.
        multi_label: whether a text may have several labels.

    Raises:
        RecipeError: `metrics` is neither of these, a name is that of a standard metric, or the options of a metric
            do not fit the labels.
        ComponentError: a metric cannot be built or is not callable.
    """

    def __init__(
        self, metrics: Sequence[Part] | Mapping[str, Metric] = (), *, labels: Sequence[Any], multi_label: bool
    ) -> None:
        self._given = copy.copy(metrics)  # the caller's list or dict may change
        self._n_classes, self._several = len(labels), multi_label
        self._metrics: dict[str, Metric] = {}
        self._smaller: set[str] = set()
        self._who: dict[str, str] = {}
        if isinstance(metrics, Mapping) and all(isinstance(name, str) for name in metrics):
            given = [(name, metric, metric, f"the metric '{name}'") for name, metric in metrics.items()]
        elif not isinstance(metrics, Sequence) or not all(isinstance(metric, Part) for metric in metrics):
            raise RecipeError("metrics must be metric parts, or a mapping of names to callables.")
        else:
            names = listed_names(metrics)
            facts = {"n_classes": len(labels), "labels": tuple(label_names(labels)), "multi_label": multi_label}
            given = [
                (name, part.build(facts), part.component.factory, part_name(part))
                for name, part in zip(names, metrics, strict=True)
            ]
        for name, metric, declared_on, who in given:
            if name in TAKEN:
                raise RecipeError(f"a metric cannot be called '{name}': results already have a metric of that name.")
            if not callable(metric):
                raise ComponentError(f"{who} is a {type(metric).__name__}, not a callable (gold, probabilities).")
            self._metrics[name], self._who[name] = metric, who
            if getattr(declared_on, "greater_is_better", True) is False:
                self._smaller.add(name)

    @property
    def names(self) -> list[str]:
        return list(self._metrics)

    def for_labels(self, labels: Sequence[Any]) -> ExtraMetrics:
        """Return these metrics for probabilities of more labels.

        Raises:
            RecipeError: the options of a metric do not fit the labels.
        """
        if len(labels) == self._n_classes:
            return self
        try:
            return ExtraMetrics(self._given, labels=labels, multi_label=self._several)
        except RecipeError as error:
            raise RecipeError(
                f"{error} Labels that the training data lack count as classes of their own here; "
                "trainer.unknown_labels: drop leaves them out."
            ) from error

    def smaller_is_better(self, name: str) -> bool:
        """Whether a smaller value of this metric is better; `name` may be a standard or an additional metric."""
        return name == "loss" or name in self._smaller

    def try_out(self) -> None:
        """Call every metric on made-up probabilities, so that a broken one fails before training and not after it.

        Raises:
            ComponentError: a metric raised, or returned neither a finite number nor None.
        """
        gold = np.eye(self._n_classes) if self._several else np.arange(self._n_classes)
        self.measure(gold, np.full((self._n_classes, self._n_classes), 1 / self._n_classes, dtype=np.float32))

    @property
    def unweighted(self) -> list[str]:
        """The metrics that cannot weigh texts, and count each text once."""
        return [name for name, metric in self._metrics.items() if not takes_weights(metric)]

    def weight_warnings(self, *, weighted: bool) -> list[str]:
        """A sentence that names the metrics which cannot weigh texts, if texts to measure have weights."""
        if not weighted or not self.unweighted:
            return []
        return [f"these metrics take no weights, so they count each text once: {listed(self.unweighted)}."]

    def measure(
        self,
        gold: NDArray[Any],
        probabilities: NDArray[np.float32],
        weights: Weights | None = None,
        answers: NDArray[Any] | None = None,
    ) -> dict[str, float | None]:
        """Compute every metric and return the values by name.

        Metrics that take no weights count each text once. A value is None if the metric is undefined, as the area under
        a curve is for a single class.

        Args:
            gold: class numbers, shape (n,), or 0/1, shape (n, n_classes).
            probabilities: shape (n, n_classes).
            weights: shape (n,); None if all texts count equally.
            answers: what the decision chooses, of the shape of `gold`; None for what the default decision chooses.

        Raises:
            ComponentError: a metric raised, or returned neither a finite number nor None.
        """
        found: dict[str, float | None] = {}
        if answers is None:
            answers = Decision(multi_label=self._several).chosen(probabilities)
        for name, metric in self._metrics.items():
            with plugin_errors(self._who[name], "measuring"):
                given = gold.astype(np.int64), probabilities.copy()  # copies, in case the metric changes them
                own = None if weights is None else weights.copy()
                value = called_offering(metric, *given, weights=own, answers=answers.astype(np.int64))
            if value is not None and not (_is_number(value) and math.isfinite(value)):
                raise ComponentError(
                    f"{self._who[name]} returned {value!r}; a metric is a number, or None if undefined."
                )
            found[name] = None if value is None else float(value)
        return found


Metrics = Sequence[Part] | Mapping[str, Metric] | ExtraMetrics
"""Metrics in addition to the standard ones: parts, or names and functions (gold, probabilities) -> float or None."""
