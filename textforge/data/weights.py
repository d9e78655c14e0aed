"""Weights per text: validate them, scale them, and call code that may or may not take them.

Only the ratios of the weights of a split matter to training and to metrics: a text of weight 2 counts as two texts of
weight 1, and a text of weight 0 does not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.offered import takes
from textforge.errors import DataError, did_you_mean, listed

Weights = NDArray[np.float64]
"""The weight of each text, shape (n,), finite and not negative."""


SOME_WEIGHT = "Give some text a weight above 0."


def as_weights(weights: Any, n_texts: int, name: str) -> list[float]:
    """Validate the weights of a split and return them as a list, whatever sequence of numbers was passed.

    Raises:
        DataError: `weights` is not a sequence of `n_texts` numbers, or a weight is negative or not finite. The message
            names the row.
    """
    if not isinstance(weights, Iterable) and hasattr(weights, "__array__"):
        weights = np.asarray(weights)
    if isinstance(weights, (str, bytes, Mapping, set, frozenset)) or not _one_dimensional(weights):
        raise DataError(f"{name}: expected a list of weights, one number for each text, not {_described(weights)}.")
    given = weights.tolist() if isinstance(weights, np.ndarray) else list(weights)
    if len(given) != n_texts:
        raise DataError(f"{name}: {n_texts} texts but {len(given)} weights.")
    found = [_as_weight(value, f"{name}: the weight at index {index}") for index, value in enumerate(given)]
    if not math.isfinite(sum(found)):
        raise DataError(
            f"{name}: the weights are too large to add up. Divide all by one number: only their ratios matter."
        )
    return found


def split_weights(given: Any, splits: Mapping[str, tuple[Any, Any]], *, streams: bool) -> dict[str, list[float]]:
    """Validate the weights of splits, by their names, or those of train.

    Args:
        given: a mapping of the names of splits to weights, or weights of train.
        splits: the splits in memory: texts and labels.
        streams: whether train is a stream.

    Raises:
        DataError: see `as_weights`; or all weights of a split are 0, or there is no such split in memory.
    """
    found = {}
    for name, weights in (given if isinstance(given, Mapping) else {"train": given}).items():
        if name == "train" and streams:
            raise DataError(
                "weights: train is a stream, whose chunks bring the weights of their texts: let each chunk be "
                "(texts, labels, weights)."
            )
        if name not in splits:
            raise DataError(
                f"weights: no split '{name}'. The splits of this dataset: {listed(splits)}."
                f"{did_you_mean(str(name), splits)}"
            )
        if weights is not None:
            found[name] = as_weights(weights, len(splits[name][0]), name)
            refuse_all_zero(np.array(found[name]), name)
    return found


def refuse_all_zero(weights: Weights | None, name: str) -> None:
    """Raise a DataError if no text has a weight above 0, so that nothing is left to train or evaluate on."""
    if weights is not None and len(weights) and not weights.any():
        raise DataError(f"{name}: all {len(weights)} weights are 0, so no text counts. {SOME_WEIGHT}")


def with_mean_one(weights: Weights | None) -> Weights | None:
    """Scale weights so that their mean is 1; None if all are equal, because equal weights change nothing."""
    if weights is None or not len(weights) or (weights == weights[0]).all():
        return None
    scaled: Weights = weights / weights.max()  # sums of very large or very small weights would lose precision
    scaled /= scaled.mean()
    return scaled


def takes_weights(function: Any) -> bool:
    """Whether a function, or the forward pass of a module, has a parameter `weights`."""
    return takes(function, "weights")


def fit_takes_weights(module: Any) -> bool:
    """Whether the `fit` of a model has a parameter `weights`.

    A model around other models says by an attribute `takes_weights` whether all of them do.
    """
    own = getattr(module, "takes_weights", None)
    return takes_weights(getattr(module, "fit", None)) if own is None else bool(own)


def called_with(function: Callable[..., Any], *arguments: Any, weights: Any) -> Any:
    """Call a function with `weights`, or without them if they are None, so that functions need not take them."""
    return function(*arguments) if weights is None else function(*arguments, weights=weights)


def _as_weight(value: Any, where: str) -> float:
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # numbers of numpy and torch
        value = value.item()
    if not isinstance(value, Real):
        raise DataError(f"{where} is {value!r}, a {type(value).__name__}, which is not a number.")
    if not math.isfinite(value) or value < 0:
        raise DataError(f"{where} is {value!r}. A weight is a finite number from 0.")
    return float(value)


def _one_dimensional(values: Any) -> bool:
    return isinstance(values, Iterable) and getattr(values, "ndim", 1) == 1


def _described(values: Any) -> str:
    shape = getattr(values, "shape", None)
    return f"an array of shape {tuple(shape)}" if shape is not None else f"a {type(values).__name__}"
