"""Training of models that fit themselves: one call to `fit` instead of epochs."""

from __future__ import annotations

import math

import torch
from torch import nn

from textforge.classifiers.engines.torch_engine import logits
from textforge.classifiers.random_state import RandomState
from textforge.components.part import plugin_errors
from textforge.data.weights import called_with, fit_takes_weights
from textforge.errors import ComponentError, RecipeError, TrainingError
from textforge.training.batch_loss import plain_loss
from textforge.training.batch_sources import BatchSource, InMemoryBatches, Targets


def fit_in_one_call(module: nn.Module, source: InMemoryBatches, n_classes: int, random: RandomState, who: str) -> float:
    """Let a module fit itself, and return its mean loss on the training texts.

    Args:
        module: a module with `fit(features, targets)`, or `fit(features, targets, weights=None)`.
        source: features, encoded labels and weights of the training texts.
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
        called_with(fit, source.features, source.y, weights=source.weights)
    with random.active():
        scores = logits(module, source.features, n_classes, source.device, who)
    targets = Targets.of(source.y, source.weights, torch.device("cpu"))
    loss = float(plain_loss(torch.from_numpy(scores), targets.gold, targets.weights))
    if not math.isfinite(loss):
        raise TrainingError(f"{who} gives outputs that are not finite numbers after fitting itself.")
    return loss


def refuse_weights(module: nn.Module, source: BatchSource, who: str) -> None:
    """Refuse weights per text before training, if the module's `fit` does not take them.

    Raises:
        RecipeError: the training texts have weights, and the module cannot weigh them.
    """
    if source.weighted and not fit_takes_weights(module):
        raise RecipeError(
            f"{who} cannot weigh texts, and the training texts have weights. Leave the weights out, or use another "
            "model; its author can let fit(features, targets, weights=None) take them."
        )
