"""Train a module inside another part: a model that holds a model and an optimizer, and fits itself."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.random_state import RandomState
from textforge.components.part import Optimizer
from textforge.components.settings import TrainerSettings
from textforge.data.training_splits import Encoded
from textforge.data.weights import Weights
from textforge.errors import TrainingError
from textforge.features.ragged import Features
from textforge.training.batch_sources import BatchPlan, InMemoryBatches
from textforge.training.budget import Budget
from textforge.training.factories import Factories
from textforge.training.gradient_mode import recording_gradients
from textforge.training.optimization import Optimization
from textforge.training.state import EpochProgress

CPU = torch.device("cpu")


def train_module(
    module: nn.Module,
    optimizer: Optimizer,
    features: Features,
    targets: NDArray[Any],
    weights: Weights | None = None,
    *,
    n_classes: int,
    epochs: int = 10,
    batch_size: int = 64,
    seed: int = 0,
) -> None:
    """Train a module in place as a `Trainer` does, for a model that holds another: every optimizer part works here.

    Batches are shuffled. The loss is the plain one: cross-entropy, or binary cross-entropy for sets of labels.

    Args:
        module: the module, on the CPU.
        optimizer: the optimizer part.
        features: features of n texts.
        targets: class numbers, int64 (n,), or 0/1 rows of labels, float32 (n, n_classes).
        weights: the weight of each text, float64 (n,); None if all count equally.
        n_classes: number of classes, or of labels.
        epochs: passes over the texts.
        batch_size: texts per step.
        seed: determines the order of texts, and random draws of the module such as dropout.

    Raises:
        DataError: the texts with a weight above 0 have all the same class.
        RecipeError: the optimizer does not fit the module.
        ComponentError: the optimizer broke its contract.
        TrainingError: the loss is not finite, or the weights are not after the last step.
    """
    settings = TrainerSettings(epochs=epochs, batch_size=batch_size)
    source = InMemoryBatches(features, Encoded([], targets, weights), BatchPlan(settings, seed, CPU))
    factories, random = Factories({"model": module, "optimizer": optimizer}), RandomState(seed, CPU)
    facts = {"n_classes": n_classes, "weighted": source.weighted}
    with recording_gradients():
        with random.active():
            module.train()
            optimization = Optimization(module, factories, facts, Budget(len(targets), settings))
        for number in range(1, epochs + 1):
            optimization.epoch(EpochProgress(number, CPU), source.epoch(number), random, lambda result: False)
    if not all(bool(torch.isfinite(one).all()) for one in module.parameters()):  # no loss has seen the last step
        advice = optimization.what_to_try()
        raise TrainingError(f"weights are not finite numbers after the last step.{advice}")
    module.eval()
