"""The loss of a batch and its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from textforge.training.weighted_loss import WeightedLoss, is_mean_over_texts

if TYPE_CHECKING:
    from textforge.training.distributed.workers import Workers


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


@dataclass(frozen=True)
class Place:
    """The texts of a batch, and of the update that it is a part of.

    Args:
        own: texts of the batch that this process has.
        batch: texts of the batch in all processes.
        update: texts of all batches of the update in all processes.
    """

    own: int
    batch: int
    update: int


class BatchLoss:
    """Computes the mean loss of a batch, and its gradients.

    Args:
        module: the module, in training mode and on its device.
        loss: computes the loss from logits and targets; None for the plain loss.
        factories: name model and loss in messages.
        facts: see `Factories.update_rule`.
        precision: of the forward pass: 'float32' or 'bfloat16'.
        workers: the processes that share each batch; None for one.

    Raises:
        RecipeError: texts have weights, and the loss cannot weigh them.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss | None,
        factories: Factories,
        facts: Mapping[str, Any],
        *,
        precision: str,
        workers: Workers | None = None,
    ) -> None:
        self._module, self._own, self._factories, self._precision = module, loss, factories, precision
        self._n_classes = facts["n_classes"]
        self.epoch: int = 1
        """The number of the epoch, for losses that take it."""
        self._takes_epoch = loss is not None and takes(loss, "epoch", after=2)
        self._weighted: WeightedLoss | None = None
        if facts["weighted"] and loss is not None:
            self._weighted = WeightedLoss.of(loss, facts, factories, next(module.parameters()).device)
        self._gathering: Workers | None = None
        """The processes, if the loss of a batch is not the mean over its texts: each computes that of all texts."""
        if workers is not None and loss is not None:
            device = next(module.parameters()).device
            self._gathering = None if is_mean_over_texts(loss, facts, factories, device) else workers

    def __call__(self, batch: Batch, targets: Targets) -> torch.Tensor:
        """The mean loss, shape (), with a gradient.

        Raises:
            ComponentError: logits or loss are not what they must be.
        """
        if self._gathering is None and not len(targets):  # this process has no text of the batch
            return torch.zeros((), device=targets.gold.device)
        scores = self._scores(batch, targets.gold.device)
        if self._gathering is not None:
            scores, targets = of_all(scores, targets, self._gathering)
        return self._loss(scores, targets)

    def _scores(self, batch: Batch, device: torch.device) -> torch.Tensor:
        """The logits, float32, with a gradient."""
        if not len(batch):
            return torch.zeros((0, self._n_classes), device=device, requires_grad=True)
        who = self._factories.name("model")
        with self._autocast(device):
            scores = forward(self._module, batch, self._n_classes, who)
        if not scores.requires_grad:
            raise ComponentError(f"{who} returned logits without a gradient: it has nothing to train.")
        return scores

    def share(self, place: Place) -> float:
        """The factor of a batch's mean loss in that of its update."""
        return (place.own if self._gathering is None else place.batch) / place.update

    def part(self, place: Place) -> float:
        """The factor of a process's mean loss in that of the batch, which is the sum over all processes."""
        return place.own / place.batch if self._gathering is None else self.counted

    @property
    def counted(self) -> float:
        """The factor of each process's loss in a sum over processes: 1, unless each computes the loss of all texts."""
        return 1.0 if self._gathering is None else 1 / self._gathering.size

    def gradients(self, batch: Batch, targets: Targets, share: float) -> torch.Tensor:
        """Add the gradients of a batch, weighted by its share of the update's texts, and return its mean loss."""
        loss = self(batch, targets)
        if not loss.requires_grad:
            return loss
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


def of_all(scores: torch.Tensor, targets: Targets, workers: Workers) -> tuple[torch.Tensor, Targets]:
    """The logits and targets of the texts of all processes, in order; only the own logits have a gradient.

    So the loss of all texts has, in each process, the gradient of its own texts.
    """
    weights = None if targets.weights is None else targets.weights.cpu().numpy()
    own = {"scores": scores.detach().cpu().numpy(), "gold": targets.gold.cpu().numpy(), "weights": weights}
    found = workers.gather(own)
    device = scores.device
    logits = [torch.from_numpy(one["scores"]).to(device) for one in found]
    logits[workers.rank] = scores
    gold = torch.cat([torch.from_numpy(one["gold"]) for one in found]).to(device)
    together = None if weights is None else torch.cat([torch.from_numpy(one["weights"]) for one in found]).to(device)
    return torch.cat(logits), Targets(gold, together)
