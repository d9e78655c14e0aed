"""Copies of objects that a caller gives, so that training changes none of them."""

from __future__ import annotations

import copy
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from textforge.classifiers.rebuilding import PrivateDraws
from textforge.errors import ComponentError, RecipeError


def copied_vectorizer(vectorizer: Any) -> Any:
    """Return a copy to fit; scikit-learn's `clone` of an estimator, which leaves out what the estimator has learned.

    Raises:
        RecipeError: the vectorizer cannot be copied.
    """
    base = sys.modules.get("sklearn.base")  # loaded if the vectorizer is one of its estimators
    try:
        if base is not None and isinstance(vectorizer, base.BaseEstimator):
            return base.clone(vectorizer)
        return copy.deepcopy(vectorizer)
    except Exception as error:
        raise RecipeError(
            f"the vectorizer, a {type(vectorizer).__name__}, cannot be copied, and training changes no object of the "
            f"caller's: {type(error).__name__}: {error}. Give it a __deepcopy__ that returns an unfitted vectorizer."
        ) from error


def copied_module(module: nn.Module, build: Callable[[], nn.Module] | None, who: str) -> nn.Module:
    """Copy a module.

    Args:
        module: the module.
        build: builds a module of the same shape; None if the caller gave the module itself.
        who: the model's name in messages.

    Raises:
        ComponentError: the module cannot be copied, and `build` is None or returns it a second time.
    """
    try:
        return copy.deepcopy(module)
    except RuntimeError as error:  # torch copies no tensor that was computed, such as an activation that a module keeps
        if build is None:
            raise ComponentError(
                f"{who} cannot be copied: it keeps a computed tensor. Give a function that makes a new module, or "
                "delete the tensor first."
            ) from error
    device = next((tensor.device for tensor in module.state_dict().values()), torch.device("cpu"))
    with PrivateDraws():  # the weights drawn are replaced
        again = build().to(device)
    if again is module:
        raise ComponentError(
            f"{who} cannot be copied: it keeps a computed tensor, and its factory returned it a second time. "
            "Let the factory make a new module at each call."
        )
    again.load_state_dict(module.state_dict())
    return again


def copied_state(value: Any) -> Any:
    """Copy the tensors of a state dict and of what it holds, detached; deep-copy everything else."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if type(value) in (dict, OrderedDict):
        copied = type(value)((key, copied_state(item)) for key, item in value.items())
        if hasattr(value, "_metadata"):  # versions of the layers, which torch keeps beside the weights
            copied._metadata = copy.deepcopy(value._metadata)
        return copied
    if type(value) in (list, tuple):
        return type(value)(copied_state(item) for item in value)
    return copy.deepcopy(value)
