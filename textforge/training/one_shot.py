"""A model that fits itself: one call in place of epochs."""

from __future__ import annotations

import math
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.classifier import logits
from textforge.classifiers.random_state import RandomState
from textforge.components.part import plugin_errors
from textforge.errors import ComponentError, TrainingError
from textforge.features.ragged import Features
from textforge.training.optimization import plain_loss


def fit_in_one_call(
    module: nn.Module,
    features: Features,
    y: NDArray[Any],
    n_classes: int,
    random: RandomState,
    device: torch.device,
    who: str,
) -> float:
    """Let a module fit itself; its mean loss on the training texts.

    Args:
        module: has `fit(features, targets)`.
        features: of the training texts.
        y: their encoded labels.
        n_classes: how many logits a text has.
        random: the state that torch's draws continue.
        device: where the module is.
        who: how messages call the model.

    Raises:
        ComponentError: it has no `fit`, or that raised.
        TrainingError: it gives outputs that are not finite afterwards.
    """
    if not callable(fit := getattr(module, "fit", None)):
        raise ComponentError(f"{who} says that it fits itself (fits_itself), but its module has no fit().")
    with random.active(), plugin_errors(who, "fitting itself"):
        fit(features, y)
    with random.active():
        scores = logits(module, features, n_classes, device, who)
    loss = float(plain_loss(torch.from_numpy(scores), torch.from_numpy(y)))
    if not math.isfinite(loss):
        raise TrainingError(f"{who} gives outputs that are not finite numbers after fitting itself.")
    return loss
