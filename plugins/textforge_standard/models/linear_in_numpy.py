"""Models `linear` and those that scikit-learn fits, computed in numpy: scores, and what each entry gives to them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from textforge_standard.models.arrays import Weights, log_softmax, require_shapes


class Linear:
    """Features times weights, plus biases: the scores of `FeatureLinear`, in the type of the weights."""

    def __init__(self, weight: Any, bias: Any) -> None:
        self.weight, self.bias = weight, bias

    def __call__(self, features: Any) -> Any:
        return features @ self.weight + self.bias

    def explain(self, row: Any) -> tuple[Any, Any]:
        """What each entry of a row adds to each score, shape (entries, n_classes), and the biases."""
        values = self.weight[row.indices]
        return values if row.weights is None else values * row.weights[:, None], self.bias


class Normalized(Linear):
    """Scores whose exponentials sum to 1: those of `LinearScores` for one label per text."""

    def __call__(self, features: Any) -> Any:
        return log_softmax(super().__call__(features), axis=1).astype(np.float32)

    def explain(self, row: Any) -> tuple[Any, Any]:
        """As `LinearScores.explain`, for a single row."""
        values, bias = super().explain(row)
        sums = values.sum(axis=0)
        before, after = _softmax(bias), _softmax(sums + bias)
        change = np.logaddexp.reduce(sums + bias) - np.logaddexp.reduce(bias)
        least, most = sums @ before, sums @ after
        share = min(1.0, max(0.0, (change - least) / (most - least))) if most > least else 0.0
        mixture = (1 - share) * before + share * after
        return values - values @ mixture[:, None], log_softmax(bias, axis=0)


def linear(options: Mapping[str, Any], facts: Mapping[str, Any], weights: Weights) -> Linear:
    """Model `linear`."""
    _require(facts, weights)
    return Linear(weights["weight"], weights["bias"])


def fitted(options: Mapping[str, Any], facts: Mapping[str, Any], weights: Weights) -> Linear:
    """The models of `of_scikit_learn`."""
    _require(facts, weights)
    return (Linear if facts["multi_label"] else Normalized)(weights["weight"], weights["bias"])


def _require(facts: Mapping[str, Any], weights: Weights) -> None:
    n_features, n_classes = facts["n_features"], facts["n_classes"]
    require_shapes(weights, {"weight": (n_features, n_classes), "bias": (n_classes,)})


def _softmax(scores: Any) -> Any:
    return np.exp(log_softmax(scores, axis=0))
