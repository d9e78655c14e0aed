"""Scale scores to probabilities: the slopes and shifts that minimize the log loss of given scores."""

from typing import Any, Literal

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

Scale = Literal["per_class", "shared", "auto"]
NEVER = -1e4
"""Score below which a class had no texts to learn from."""

Scaling = tuple[Any, Any]
"""Slope and shift of each class, float64 arrays of shape (n_classes,)."""


def scaling(scores: Any, targets: Any, scale: Scale) -> Scaling:
    """Fit slope and shift of each class.

    One label per text: softmax(slope * score + shift), "vector scaling" of Guo et al. (2017), or with one slope for all
    and no shift their "temperature scaling". Several labels per text: sigmoid(slope * score + shift), Platt (1999).

    Args:
        scores: scores of texts that the scoring model was not trained on, float32, shape (texts, classes).
        targets: class numbers (int64), or 0/1 rows of labels (float32).
        scale: 'auto' fits each half of the texts in both ways and takes the way that suits the other half better.
    """
    scores = scores.astype(np.float64).clip(min=NEVER)
    if targets.ndim == 1:  # no scaling makes a class probable that the scoring model never saw
        known = scores[np.arange(len(targets)), targets] > NEVER
        scores, targets = scores[known], targets[known]
    if not len(scores):
        return np.ones(scores.shape[1]), np.zeros(scores.shape[1])
    if scale == "auto":
        scale = "per_class" if _suits_better(scores, targets) else "shared"
    return _fitted(scores, targets, scale == "per_class")


def _suits_better(scores: Any, targets: Any) -> bool:
    """Whether slopes and shifts per class predict the half that they were not fitted to better than a shared slope."""
    halves = [slice(0, None, 2), slice(1, None, 2)]
    losses = {True: 0.0, False: 0.0}
    for fitted, other in (halves, halves[::-1]):
        for per_class in losses:
            slope, shift = _fitted(scores[fitted], targets[fitted], per_class)
            losses[per_class] += float(_loss(*map(torch.from_numpy, (scores[other] * slope + shift, targets[other]))))
    return losses[True] < losses[False]


def _fitted(scores: Any, targets: Any, per_class: bool) -> Scaling:
    """Minimize the log loss by L-BFGS; it is convex in slopes and shifts."""
    from scipy.optimize import minimize  # torch's L-BFGS imports the compiler, which takes a second

    n_classes = scores.shape[1]
    n_slopes = n_classes if per_class else 1
    given, wanted = torch.from_numpy(scores), torch.from_numpy(targets)

    def loss(values: Any) -> tuple[float, Any]:
        fitted = torch.tensor(values, requires_grad=True)
        scaled = fitted[:n_slopes].exp() * given + (fitted[n_slopes:] if per_class else 0)
        # The penalty keeps slopes finite if the scores separate the classes.
        value = _loss(scaled, wanted) + 1e-3 * fitted.square().sum() / n_slopes
        value.backward()  # type: ignore[no-untyped-call]
        assert fitted.grad is not None
        return value.item(), fitted.grad.numpy()

    start = np.zeros(2 * n_classes if per_class else 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return np.exp(np.resize(found[:n_slopes], n_classes)), found[n_slopes:] if per_class else np.zeros(n_classes)


def _loss(scaled: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    if wanted.ndim == 2:
        return binary_cross_entropy_with_logits(scaled, wanted.double())
    return cross_entropy(scaled, wanted)
