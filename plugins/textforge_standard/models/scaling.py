"""Scale scores to probabilities: the slopes and shifts that minimize the log loss of given scores."""

from typing import Any, Literal, NamedTuple

import numpy as np

Scale = Literal["per_class", "shared", "auto"]
PARTS = 5
"""Parts of the texts that 'auto' holds out in turn."""
FEWEST = 25
"""Number of texts below which 'auto' fits one slope."""
NEVER = -1e4
"""Score below which a class had no texts to learn from."""

Scaling = tuple[Any, Any]
"""Slope and shift of each class, float64 arrays of shape (n_classes,)."""


def scaling(scores: Any, targets: Any, scale: Scale, weights: Any = None) -> Scaling:
    """Fit slope and shift of each class.

    One label per text: softmax(slope * score + shift), "vector scaling" of Guo et al. (2017), or with one slope for all
    and no shift their "temperature scaling". Several labels per text: sigmoid(slope * score + shift), Platt (1999).

    Args:
        scores: scores of texts that the scoring model was not trained on, float32, shape (texts, classes).
        targets: class numbers (int64), or 0/1 rows of labels (float32).
        scale: 'auto' holds out a fifth of the texts in turn, fits the others both ways, and takes what predicts
            the held-out texts better.
        weights: the weight of each text, float64, shape (texts,); None if all count equally.
    """
    scores = scores.astype(np.float64).clip(min=NEVER)
    if targets.ndim == 1:  # no scaling makes a class probable that the scoring model never saw
        known = scores[np.arange(len(targets)), targets] > NEVER
        scores, targets, weights = scores[known], targets[known], None if weights is None else weights[known]
    if not len(scores):
        return np.ones(scores.shape[1]), np.zeros(scores.shape[1])
    given = _Scored(scores, targets, weights)
    if scale == "auto":
        scale = "per_class" if len(scores) >= FEWEST and _suits_better(given) else "shared"
    return _fitted(given, scale == "per_class")


class _Scored(NamedTuple):
    """Scores, targets and weights of texts, as for `scaling`."""

    scores: Any
    targets: Any
    weights: Any

    def rows(self, rows: Any) -> "_Scored":
        weights = None if self.weights is None else self.weights[rows]
        return _Scored(self.scores[rows], self.targets[rows], weights)


def _suits_better(given: _Scored) -> bool:
    """Whether slopes and shifts per class predict texts that they were not fitted to better than a shared slope."""
    losses = {True: 0.0, False: 0.0}
    for part in range(PARTS):
        held = np.arange(len(given.scores)) % PARTS == part
        kept, scored = given.rows(~held), given.rows(held)
        total = held.sum() if scored.weights is None else scored.weights.sum()
        for per_class in losses:
            slope, shift = _fitted(kept, per_class)
            scaled = scored._replace(scores=scored.scores * slope + shift)
            losses[per_class] += _loss(scaled)[0] * total
    return losses[True] < losses[False]


def _fitted(given: _Scored, per_class: bool) -> Scaling:
    """Minimize the log loss by L-BFGS; it is convex in slopes and shifts."""
    from scipy.optimize import minimize  # torch's L-BFGS imports the compiler, which takes a second

    scores, n_classes = given.scores, given.scores.shape[1]
    n_slopes = n_classes if per_class else 1

    def loss(values: Any) -> tuple[float, Any]:
        slope, shift = np.exp(values[:n_slopes]), values[n_slopes:] if per_class else 0.0
        value, gradient = _loss(given._replace(scores=slope * scores + shift))
        of_slope = (gradient * scores).sum(axis=0)
        of_slope = slope * (of_slope if per_class else of_slope.sum())
        change = np.concatenate((of_slope, gradient.sum(axis=0))) if per_class else of_slope
        # The penalty keeps slopes finite if the scores separate the classes.
        return value + 1e-3 * (values**2).sum() / n_slopes, change + 2e-3 * values / n_slopes

    start = np.zeros(2 * n_classes if per_class else 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200, "ftol": 1e-6}).x
    return np.exp(np.resize(found[:n_slopes], n_classes)), found[n_slopes:] if per_class else np.zeros(n_classes)


def _loss(given: _Scored) -> tuple[float, Any]:
    """The mean log loss of scores that are logits, and its gradient by them, float64 (texts, classes)."""
    logits, targets, weights = given
    if targets.ndim == 2:
        loss = np.logaddexp(0, logits) - logits * targets
        gradient = np.exp(-np.logaddexp(0, -logits)) - targets
        if weights is not None:
            shares = weights / weights.sum() / logits.shape[1]
            return float(shares @ loss.sum(axis=1)), gradient * shares[:, None]
        return float(loss.mean()), gradient / logits.size
    logits = logits - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(logits)
    sums = probabilities.sum(axis=1)
    rows = np.arange(len(targets))
    loss = np.log(sums) - logits[rows, targets]
    gradient = probabilities / sums[:, None]
    gradient[rows, targets] -= 1
    if weights is not None:
        shares = weights / weights.sum()
        return float(shares @ loss), gradient * shares[:, None]
    return float(loss.mean()), gradient / len(targets)
