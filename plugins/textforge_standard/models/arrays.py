"""Saved weights as arrays, and functions of torch that models computed in numpy need."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from textforge import ComponentError

Weights = Mapping[str, Any]
"""Arrays by name."""


def require_shapes(weights: Weights, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that weights are those of a model.

    Raises:
        ComponentError: an array is missing, is of no use, or has another shape.
    """
    found = {name: array.shape for name, array in weights.items()}
    if found == shapes:
        return
    name = next(name for name in sorted({*found, *shapes}) if found.get(name) != shapes.get(name))
    stated, needed = (f"has shape {one[name]}" if name in one else "is missing" for one in (found, shapes))
    raise ComponentError(f"the saved weights do not fit: '{name}' {stated} in them and {needed} in the model.")


def within(weights: Weights, name: str) -> dict[str, Any]:
    """The weights of an inner model, which the outer one keeps under a name."""
    return {key.removeprefix(f"{name}."): one for key, one in weights.items() if key.startswith(f"{name}.")}


def log_softmax(scores: Any, axis: int) -> Any:
    """Logarithm of the softmax."""
    shifted = scores - scores.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def log_sigmoid(scores: Any) -> Any:
    """Logarithm of the sigmoid."""
    return -np.logaddexp(0, -scores)


def log_sum_exp(scores: Any, axis: int) -> Any:
    """Logarithm of the sum of exponentials; -inf where all are -inf."""
    return np.logaddexp.reduce(scores, axis=axis)
