"""Training of models that fit themselves: one call to `fit` instead of epochs."""

from __future__ import annotations

import math

import torch
from torch import nn

from textforge.classifiers.classifier import logits
from textforge.classifiers.random_state import RandomState
from textforge.components.part import plugin_errors
from textforge.errors import ComponentError, TrainingError
from textforge.training.batch_sources import InMemoryBatches
from textforge.training.optimization import plain_loss


def fit_in_one_call(module: nn.Module, source: InMemoryBatches, n_classes: int, random: RandomState, who: str) -> float:
    """Let a module fit itself, and return its mean loss on the training texts.

    Args:
        module: has `fit(features, targets)`.
        source: features and encoded labels of the training texts.
        n_classes: logits per text.
        random: the state that torch's draws continue.
        who: how messages call the model.

    Raises:
        ComponentError: it has no `fit`, or `fit` raised.
        TrainingError: its outputs are not finite afterwards.
    """
    if not callable(fit := getattr(module, "fit", None)):
        raise ComponentError(f"{who} says that it fits itself (fits_itself), but its module has no fit().")
    with random.active(), plugin_errors(who, "fitting itself"):
        fit(source.features, source.y)
    with random.active():
        scores = logits(module, source.features, n_classes, source.device, who)
    loss = float(plain_loss(torch.from_numpy(scores), torch.from_numpy(source.y)))
    if not math.isfinite(loss):
        raise TrainingError(f"{who} gives outputs that are not finite numbers after fitting itself.")
    return loss
