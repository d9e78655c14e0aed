"""The loss of a batch and its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from textforge.classifiers.engines.torch_engine import forward
from textforge.components.part import plugin_errors
from textforge.data.offered import takes
from textforge.errors import ComponentError
from textforge.features.batch import Batch
from textforge.training.batch_sources import Targets
from textforge.training.factories import Factories, Loss
from textforge.training.weighted_loss import WeightedLoss


def plain_loss(scores: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Mean cross-entropy, or mean binary cross-entropy if targets are multi-label, shape (n, n_classes).

    With weights, shape (n,), it is the mean over texts of each text's loss times its weight.
    """
    several = targets.ndim == 2
    loss = functional.binary_cross_entropy_with_logits if several else functional.cross_entropy
    if weights is None:
        return loss(scores, targets)
    each = loss(scores, targets, reduction="none")
    return ((each.mean(dim=1) if several else each) * weights).mean()


class BatchLoss:
    """Computes the mean loss of a batch, and its gradients.

    Args:
        module: the module, in training mode and on its device.
        loss: computes the loss from logits and targets; None for the plain loss.
        factories: name model and loss in messages.
        facts: see `Factories.update_rule`.
        precision: of the forward pass: 'float32' or 'bfloat16'.

    Raises:
        RecipeError: texts have weights, and the loss cannot weigh them.
    """

    def __init__(
        self, module: nn.Module, loss: Loss | None, factories: Factories, facts: Mapping[str, Any], *, precision: str
    ) -> None:
        self._module, self._own, self._factories, self._precision = module, loss, factories, precision
        self._n_classes = facts["n_classes"]
        self.epoch: int = 1
        """The number of the epoch, for losses that take it."""
        self._takes_epoch = loss is not None and takes(loss, "epoch", after=2)
        self._weighted: WeightedLoss | None = None
        if facts["weighted"] and loss is not None:
            self._weighted = WeightedLoss.of(loss, facts, factories, next(module.parameters()).device)

    def __call__(self, batch: Batch, targets: Targets) -> torch.Tensor:
        """The mean loss, shape (), with a gradient.

        Raises:
            ComponentError: logits or loss are not what they must be.
        """
        who = self._factories.name("model")
        with self._autocast(targets.gold.device):
            scores = forward(self._module, batch, self._n_classes, who)
        if not scores.requires_grad:
            raise ComponentError(f"{who} returned logits without a gradient: it has nothing to train.")
        return self._loss(scores, targets)

    def gradients(self, batch: Batch, targets: Targets, share: float) -> torch.Tensor:
        """Add the gradients of a batch, weighted by its share of the update's texts, and return its mean loss."""
        loss = self(batch, targets)
        with plugin_errors(self._factories.name("model"), "computing gradients"):
            (loss if share == 1 else loss * share).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _loss(self, scores: torch.Tensor, targets: Targets) -> torch.Tensor:
        if self._own is None:
            return plain_loss(scores, targets.gold, targets.weights)
        offered = {"epoch": self.epoch} if self._takes_epoch else {}
        gold = targets.gold.clone()  # a copy, in case the loss changes them
        with plugin_errors(self._factories.name("loss"), "computing the loss of a batch"):
            if self._weighted is not None and targets.weights is not None:
                loss = self._weighted(scores, gold, targets.weights.clone(), **offered)
            else:
                loss = self._own(scores, gold, **offered)
        if not isinstance(loss, torch.Tensor) or loss.ndim or not loss.is_floating_point() or not loss.requires_grad:
            found = type(loss).__name__
            if isinstance(loss, torch.Tensor):
                gradient = "with" if loss.requires_grad else "without"
                found = f"{loss.dtype} of shape {tuple(loss.shape)} {gradient} a gradient"
            raise ComponentError(
                f"{self._factories.name('loss')} returned {found}; expected one float number with a gradient."
            )
        return loss

    def _autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        if self._precision == "bfloat16":
            return torch.autocast(device.type, dtype=torch.bfloat16)
        return nullcontext()
