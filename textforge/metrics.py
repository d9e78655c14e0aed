"""Figures of a classification from gold and predicted class numbers.

numpy only: importing scikit-learn's metrics costs a second, these a few lines. They equal
`sklearn.metrics.precision_recall_fscore_support(zero_division=0)`; a test holds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(gold: NDArray[np.int64], predicted: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Counts, shape (n_classes, n_classes): row the gold class, column the predicted one."""
    return np.bincount(gold * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def classification_metrics(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, Any]:
    """Accuracy, macro and weighted F1, figures per class, and the confusion matrix, as plain values.

    Args:
        gold: class numbers, shape (n,), n at least 1.
        predicted: class numbers, shape (n,).
        labels: the name of each class.
    """
    matrix = confusion_matrix(gold, predicted, len(labels))
    hits, support, chosen = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    precision, recall = _ratio(hits, chosen), _ratio(hits, support)
    f1 = _ratio(2 * hits, support + chosen)
    seen = (support + chosen) > 0  # a class that nobody has and nobody predicts does not count
    return {
        "accuracy": float(hits.sum() / len(gold)),
        "macro_f1": float(f1[seen].mean()),
        "weighted_f1": float((f1 * support).sum() / support.sum()),
        "n": len(gold),
        "per_class": {
            label: {
                "precision": float(precision[n]),
                "recall": float(recall[n]),
                "f1": float(f1[n]),
                "support": int(support[n]),
            }
            for n, label in enumerate(labels)
        },
        "confusion_matrix": {"labels": list(labels), "rows": matrix.tolist()},
    }


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """Quotient where there is one, 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)
