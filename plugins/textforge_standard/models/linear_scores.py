"""Linear models that scikit-learn fits: their weights as buffers, and the scores that scikit-learn would compute."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from textforge import RaggedBatch, RecipeError

NEVER = -1e30
"""Score of a class without training texts: its probability is 0, and the score is still finite in float32."""
SURE = 50.0
"""Absolute logit of a label that all or none of the training texts have: its probability is 1 or 0 to 21 digits."""

Rows = tuple[Any, Any]
"""Weights (rows, n_features) and biases (rows,) or 0: a row per class, or of two classes only the second."""


@dataclass(frozen=True)
class Estimator:
    """A linear estimator of scikit-learn, which only `fit` makes, so that prediction does not import scikit-learn."""

    name: str
    """Name of the component, for messages."""
    make: Callable[[], Any]
    """Makes an unfitted estimator, whose `fit(matrix, classes, sample_weight=None)` is called once."""
    read: Callable[[Any], Rows]
    """Returns the weights and biases of a fitted estimator."""
    counts: bool = False
    """Whether it rejects negative features."""


class LinearScores(nn.Module):
    """Scores `features @ weight + bias`, with weights and biases learnt by an estimator of scikit-learn.

    Weights are float64, as in scikit-learn: in float32 the rounding error of a sum of logarithms over a long text
    could exceed the difference between two classes.

    Args:
        estimator: made and fitted once, or once per label if `multi_label`.
        n_features: number of features.
        n_classes: number of classes or labels.
        multi_label: whether a text may have several labels.
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, estimator: Estimator, n_features: int, n_classes: int, multi_label: bool) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self.register_buffer("weight", torch.zeros(n_features, n_classes, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(n_classes, dtype=torch.float64))
        self._estimator, self._multi_label = estimator, multi_label

    def fit(self, features: Any, targets: Any, weights: Any = None) -> None:
        """Fit to features and class numbers (n,), or 0/1 rows of labels (n, n_classes), of texts with weights (n,).

        Raises:
            RecipeError: features are negative and the model takes counts.
        """
        matrix, targets, weights = with_weight(as_matrix(features), np.asarray(targets), weights)
        if self._estimator.counts and matrix.nnz and matrix.data.min() < 0:
            raise RecipeError(
                f"model '{self._estimator.name}' takes counts or tf-idf, and these features have negative numbers. "
                "Use 'logistic-regression' or 'linear-svc'."
            )
        self.warnings.clear()
        weight = np.zeros(tuple(self.weight.shape))
        bias = np.zeros(len(self.bias))
        if self._multi_label:
            for label, column in enumerate(targets.T > 0.5):
                if column.all() or not column.any():
                    bias[label] = SURE if column[0] else -SURE
                    self.warnings.append(constant(self._estimator.name, label, column[0]))
                else:
                    rows, biases = self._fitted(matrix, column, weights)
                    weight[:, label] = rows[-1] - (rows[0] if len(rows) > 1 else 0)
                    bias[label] = biases[-1] - (biases[0] if len(rows) > 1 else 0)
        else:
            bias[:] = NEVER
            classes = np.unique(targets)
            bias[classes] = 0
            rows, biases = self._fitted(matrix, targets, weights)
            weight[:, classes[-len(rows) :]] = rows.T
            bias[classes[-len(rows) :]] = biases
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias))

    def _fitted(self, matrix: Any, classes: Any, weights: Any) -> Rows:
        unfitted = self._estimator.make()
        with convergence_warnings(self._estimator.name, unfitted, self.warnings):
            rows, biases = self._estimator.read(unfitted.fit(matrix, classes, sample_weight=weights))
        return rows, np.broadcast_to(biases, len(rows))

    def forward(self, batch: Any) -> torch.Tensor:
        scores = weighted_sums(batch, self.weight) + self.bias
        # Normalized in float64, because float32 cannot distinguish -5000.0001 from -5000.
        return (scores if self._multi_label else scores.log_softmax(dim=1)).float()

    def explain(self, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what each entry of a bag adds to each score, shape (entries, n_classes), and the scores without any.

        The logarithm of the sum of exponentials, which normalizes the scores, is convex. So its change from a text
        without words is exactly the mean of the entries' scores under one mixture of the probabilities without words
        and those of the text.
        """
        values: torch.Tensor = self.weight[batch.indices.long()]
        if batch.weights is not None:
            values = values * batch.weights[:, None].to(values.dtype)
        if self._multi_label:
            return values, self.bias
        lengths = torch.diff(batch.offsets, append=batch.offsets.new_tensor([len(batch.indices)]))
        sums = weighted_sums(batch, self.weight)
        before, after = self.bias.softmax(dim=0), (sums + self.bias).softmax(dim=1)
        change = (sums + self.bias).logsumexp(dim=1) - self.bias.logsumexp(dim=0)
        least, most = sums @ before, (sums * after).sum(dim=1)
        share = torch.where(most > least, (change - least) / (most - least), 0).clamp(0, 1)[:, None]
        mixture = ((1 - share) * before + share * after).repeat_interleave(lengths, dim=0)
        return values - (values * mixture).sum(dim=1, keepdim=True), self.bias.log_softmax(dim=0)


def weighted_sums(batch: Any, weight: torch.Tensor) -> torch.Tensor:
    """The product of a ragged or dense batch and a matrix, in the dtype of the matrix."""
    if not isinstance(batch, RaggedBatch):
        product: torch.Tensor = batch.to(weight.dtype) @ weight
        return product
    weights = None if batch.weights is None else batch.weights.to(weight.dtype)
    return functional.embedding_bag(batch.indices, weight, batch.offsets, mode="sum", per_sample_weights=weights)


def as_matrix(features: Any) -> Any:
    """Ragged or dense features as a float64 CSR matrix without duplicate entries."""
    from scipy import sparse

    if hasattr(features, "vectors"):
        return sparse.csr_matrix(features.vectors.astype(np.float64))
    weights = np.ones(len(features.indices)) if features.weights is None else features.weights.astype(np.float64)
    matrix = sparse.csr_matrix((weights, features.indices, features.offsets), (len(features), features.n_features))
    if not matrix.has_canonical_format:
        matrix = matrix.copy()  # leaves the arrays of `features` unchanged
        matrix.sum_duplicates()
    return matrix


def with_weight(matrix: Any, targets: Any, weights: Any) -> tuple[Any, Any, Any]:
    """The rows with a weight above 0: scikit-learn would learn a class whose texts all have weight 0."""
    if weights is None or weights.all():
        return matrix, targets, weights
    kept = weights > 0
    return matrix[kept], targets[kept], weights[kept]


def seeded(seed: int) -> int:
    """A seed within scikit-learn's range of 32 bits."""
    return seed % 2**32


def constant(name: str, label: int, present: bool) -> str:
    """The warning about a label that cannot be learnt."""
    return f"model '{name}': label {label + 1} is on {'all' if present else 'none'} of the training texts."


@contextmanager
def convergence_warnings(name: str, estimator: Any, sentences: list[str]) -> Iterator[None]:
    """Collect scikit-learn's ConvergenceWarnings as one sentence; re-issue all other warnings."""
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
