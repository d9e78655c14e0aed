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
        module: a module with `fit(features, targets)`.
        source: features and encoded labels of the training texts.
        n_classes: number of logits per text.
        random: the random state that torch draws from.
        who: the model's name in messages.

    Raises:
        ComponentError: the module has no `fit`, or `fit` raised an exception.
        TrainingError: the outputs of the fitted module are not finite.
    """
    if not callable(fit := getattr(module, "fit", None)):
        raise ComponentError(f"{who} declares fits_itself, but its module has no fit().")
    with random.active(), plugin_errors(who, "fitting itself"):
        fit(source.features, source.y)
    with random.active():
        scores = logits(module, source.features, n_classes, source.device, who)
    loss = float(plain_loss(torch.from_numpy(scores), torch.from_numpy(source.y)))
    if not math.isfinite(loss):
        raise TrainingError(f"{who} gives outputs that are not finite numbers after fitting itself.")
    return loss
