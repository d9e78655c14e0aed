"""Figures of a classification: those of every run, and those that a recipe's metrics add.

The former in numpy: importing scikit-learn's metrics costs a second, these a few lines. They equal those of
`sklearn.metrics.f1_score(gold, predicted, average=…, zero_division=0)`, be they class numbers or 0/1 matrices: a class
number that is neither in gold nor predicted counts in no mean, an empty column counts 0. Tests hold that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.confusion import confusion_matrix
from textforge.components.part import Part, listed_names, part_name, plugin_errors
from textforge.components.settings import TAKEN
from textforge.errors import ComponentError, RecipeError

Metric = Callable[[NDArray[Any], NDArray[np.float32]], "float | None"]
"""Gold (class numbers, or 0 and 1 for each text and class) and probabilities to a figure; None where undefined."""


def classification_metrics(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, Any]:
    """Accuracy, macro, micro and weighted F1, figures per class, and the confusion matrix, as plain values.

    Args:
        gold: class numbers, shape (n,), n at least 1.
        predicted: class numbers, shape (n,).
        labels: the name of each class.
    """
    hits, support, chosen = (np.bincount(which, minlength=len(labels)) for which in
                             (gold[gold == predicted], gold, predicted))  # fmt: skip
    figures = _figures(hits, support, chosen, labels, counted=(support + chosen) > 0)
    accuracy = float(hits.sum() / len(gold))
    return {
        "accuracy": accuracy,
        **figures,
        "micro_f1": accuracy,  # equal where every text has one label and gets one
        "n": len(gold),
        "confusion_matrix": confusion_matrix(gold, predicted, labels),
    }


def multi_label_metrics(gold: NDArray[Any], predicted: NDArray[Any], labels: Sequence[str]) -> dict[str, Any]:
    """As `classification_metrics` for texts with sets of labels; accuracy is the share of sets met exactly.

    Macro F1 is the mean over all labels, as scikit-learn's: one that no text has and that none is given counts 0.

    Args:
        gold: 0 and 1, shape (n, n_classes), n at least 1.
        predicted: 0 and 1, shape (n, n_classes).
        labels: the name of each class.
    """
    gold, predicted = gold.astype(bool), predicted.astype(bool)
    hits = (gold & predicted).sum(axis=0)
    return {
        "accuracy": float((gold == predicted).all(axis=1).mean()),
        **_figures(hits, gold.sum(axis=0), predicted.sum(axis=0), labels, counted=np.ones(len(labels), dtype=bool)),
        "n": len(gold),
    }


def _figures(
    hits: NDArray[np.int64],
    support: NDArray[np.int64],
    chosen: NDArray[np.int64],
    labels: Sequence[str],
    *,
    counted: NDArray[np.bool_],
) -> dict[str, Any]:
    """F1s and figures per class, of which those `counted` are in the macro F1."""
    precision, recall = _ratio(hits, chosen), _ratio(hits, support)
    f1 = _ratio(2 * hits, support + chosen)
    return {
        "macro_f1": float(f1[counted].mean()),
        "micro_f1": float(2 * hits.sum() / max(1, (support + chosen).sum())),
        "weighted_f1": float((f1 * support).sum() / max(1, support.sum())),
        "per_class": {
            label: {
                "precision": float(precision[n]),
                "recall": float(recall[n]),
                "f1": float(f1[n]),
                "support": int(support[n]),
            }
            for n, label in enumerate(labels)
        },
    }


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """Quotient where there is one, 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)


def _is_number(value: Any) -> bool:
    """Whether it is a real number, or an array or tensor that is one."""
    if getattr(value, "shape", None) == ():
        value = value.item()
    return isinstance(value, Real) and not isinstance(value, bool)


class ExtraMetrics:
    """The metrics that a recipe lists, by the names that results give them.

    Args:
        metrics: metric `Part`s, or name to a callable (gold, probabilities) -> float or None.
        labels: the classes in the order of the probabilities' columns.
        multi_label: whether a text may have several labels.

    Raises:
        RecipeError: they are neither, one has the name of a figure that is there always, or one's options do not fit
            the labels.
        ComponentError: one cannot be built, or called.
    """

    def __init__(
        self, metrics: Sequence[Part] | Mapping[str, Metric] = (), *, labels: Sequence[str], multi_label: bool
    ) -> None:
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
            facts = {"n_classes": len(labels), "labels": tuple(labels), "multi_label": multi_label}
            given = [
                (name, part.build(facts), part.component.factory, part_name(part))
                for name, part in zip(names, metrics, strict=True)
            ]
        for name, metric, told_by, who in given:
            if name in TAKEN:
                raise RecipeError(f"a metric cannot be called '{name}': results have a figure of that name already.")
            if not callable(metric):
                raise ComponentError(f"{who} is a {type(metric).__name__}, not a callable (gold, probabilities).")
            self._metrics[name], self._who[name] = metric, who
            if getattr(told_by, "greater_is_better", True) is False:
                self._smaller.add(name)

    @property
    def names(self) -> list[str]:
        return list(self._metrics)

    def smaller_is_better(self, name: str) -> bool:
        """Whether a figure, one of every run's or of these, is better the smaller it is."""
        return name == "loss" or name in self._smaller

    def try_out(self) -> None:
        """Measure made-up answers, so that a metric that fails does so before training, not after it.

        Raises:
            ComponentError: a metric raised, or returned no number.
        """
        gold = np.eye(self._n_classes) if self._several else np.arange(self._n_classes)
        self.measure(gold, np.full((self._n_classes, self._n_classes), 1 / self._n_classes, dtype=np.float32))

    def measure(self, gold: NDArray[Any], probabilities: NDArray[np.float32]) -> dict[str, float | None]:
        """Name to figure; None where it is undefined, as an area under a curve is with one class only.

        Raises:
            ComponentError: a metric raised, or returned no number.
        """
        found: dict[str, float | None] = {}
        for name, metric in self._metrics.items():
            with plugin_errors(self._who[name], "measuring"):
                value = metric(gold.astype(np.int64), probabilities.copy())  # its own, should it change them
            if value is not None and not (_is_number(value) and math.isfinite(value)):
                raise ComponentError(
                    f"{self._who[name]} returned {value!r}; a metric is a number, or None if undefined."
                )
            found[name] = None if value is None else float(value)
        return found
