"""Linear models that scikit-learn fits: what it learns as buffers, and the scores that it would give."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from textforge import RaggedBatch, RecipeError

NEVER = -1e30
"""Score of a class that no training text has: its probability is 0, and float32 can still hold it."""
SURE = 50.0
"""Logit of a label that all or none of the training texts have: its probability is 1 or 0 to 21 digits."""

Rows = tuple[Any, Any]
"""Weights (rows, n_features) and biases (rows,): a row a class, or the second class's alone of two."""


class LinearScores(nn.Module):
    """Scores `features @ weight + bias` as an estimator of scikit-learn learns them.

    Numbers are kept in double precision, as scikit-learn has them: sums of logarithms over a long
    text differ in float32 by more than what decides between two classes.

    Args:
        name: of the component, for messages.
        make: gives a new estimator, whose `fit(matrix, classes)` is called once, or once a label where multi_label;
            not called before, so that predicting imports no scikit-learn.
        read: a fitted estimator's `Rows`.
        n_features, n_classes, multi_label: the facts.
        counts: whether it can take no negative features.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Any],
        read: Callable[[Any], Rows],
        n_features: int,
        n_classes: int,
        multi_label: bool,
        *,
        counts: bool = False,
    ) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self.register_buffer("weight", torch.zeros(n_features, n_classes, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(n_classes, dtype=torch.float64))
        self._name, self._make, self._read = name, make, read
        self._multi_label, self._counts = multi_label, counts

    def fit(self, features: Any, targets: Any) -> None:
        """Learn from features and class numbers, or 0/1 rows of labels.

        Raises:
            RecipeError: the features have negative numbers and the model takes none.
        """
        matrix = as_matrix(features)
        if self._counts and matrix.nnz and matrix.data.min() < 0:
            raise RecipeError(
                f"model '{self._name}' takes counts or tf-idf, and these features have negative numbers. "
                "Use 'logistic-regression' or 'linear-svc'."
            )
        self.warnings.clear()
        weight = np.zeros(tuple(self.weight.shape))
        bias = np.zeros(len(self.bias))
        if self._multi_label:
            for label, column in enumerate(np.asarray(targets).T > 0.5):
                if column.all() or not column.any():
                    bias[label] = SURE if column[0] else -SURE
                    self.warnings.append(constant(self._name, label, column[0]))
                else:
                    rows, biases = self._fitted(matrix, column)
                    weight[:, label] = rows[-1] - (rows[0] if len(rows) > 1 else 0)
                    bias[label] = biases[-1] - (biases[0] if len(rows) > 1 else 0)
        else:
            bias[:] = NEVER
            classes = np.unique(targets)
            bias[classes] = 0
            rows, biases = self._fitted(matrix, np.asarray(targets))
            weight[:, classes[-len(rows) :]] = rows.T
            bias[classes[-len(rows) :]] = biases
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias))

    def _fitted(self, matrix: Any, classes: Any) -> Rows:
        estimator = self._make()
        with convergence_warnings(self._name, estimator, self.warnings):
            rows, biases = self._read(estimator.fit(matrix, classes))
        return rows, np.broadcast_to(biases, len(rows))

    def forward(self, batch: Any) -> torch.Tensor:
        scores = weighted_sums(batch, self.weight) + self.bias
        # less their log-sum, for float32 could not tell -5000.0001 from -5000
        return (scores if self._multi_label else scores.log_softmax(dim=1)).float()


def weighted_sums(batch: Any, weight: torch.Tensor) -> torch.Tensor:
    """The product of a batch, ragged or dense, and a matrix, in the matrix's precision."""
    if not isinstance(batch, RaggedBatch):
        return batch.to(weight.dtype) @ weight
    weights = None if batch.weights is None else batch.weights.to(weight.dtype)
    return functional.embedding_bag(batch.indices, weight, batch.offsets, mode="sum", per_sample_weights=weights)


def as_matrix(features: Any) -> Any:
    """Ragged or dense features as a CSR matrix of doubles, each column once in a row."""
    from scipy import sparse

    if hasattr(features, "vectors"):
        return sparse.csr_matrix(features.vectors.astype(np.float64))
    weights = np.ones(len(features.indices)) if features.weights is None else features.weights.astype(np.float64)
    matrix = sparse.csr_matrix((weights, features.indices, features.offsets), (len(features), features.n_features))
    if not matrix.has_canonical_format:
        matrix = matrix.copy()  # the features' own arrays stay as they are
        matrix.sum_duplicates()
    return matrix


def decision(estimator: Any) -> Rows:
    """Of a linear classifier."""
    return estimator.coef_, estimator.intercept_


def seeded(seed: int) -> int:
    """A seed as scikit-learn takes it: 32 bits."""
    return seed % 2**32


def constant(name: str, label: int, present: bool) -> str:
    """What to say of a label that cannot be learnt."""
    return f"model '{name}': label {label + 1} is on {'all' if present else 'none'} of the training texts."


@contextmanager
def convergence_warnings(name: str, estimator: Any, sentences: list[str]) -> Iterator[None]:
    """Turn scikit-learn's warnings that it has not converged into one sentence; others pass."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        yield
    sentence = (
        f"model '{name}' has not converged: its weights are not the best yet. Raise max_iter (now "
        f"{estimator.max_iter if hasattr(estimator, 'max_iter') else estimator.estimator.max_iter}), or lower C."
        if any(issubclass(one.category, ConvergenceWarning) for one in caught)
        else ""
    )
    if sentence and sentence not in sentences:
        sentences.append(sentence)
    for one in caught:
        if not issubclass(one.category, ConvergenceWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
