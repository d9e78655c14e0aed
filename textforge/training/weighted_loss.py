"""Weigh the texts of a batch with any loss that is a mean over texts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from textforge.components.part import plugin_errors
from textforge.data.offered import takes
from textforge.data.weights import takes_weights
from textforge.errors import RecipeError
from textforge.training.factories import Factories, Loss

TRIED = 16
"""Most texts on which a loss is tried out."""


@dataclass(frozen=True)
class WeightedLoss:
    """The mean over a batch of each text's loss times its weight.

    A loss with a parameter `weights` computes it itself. Of any other loss, the loss of each text is that of a batch of
    one, which takes one call per text.
    """

    loss: Loss
    at_once: bool
    """Whether the loss takes weights."""

    def __call__(
        self, scores: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, **offered: Any
    ) -> torch.Tensor:
        if self.at_once:
            return self.loss(scores, targets, weights=weights, **offered)
        return (self._of_each(scores, targets, **offered) * weights).mean()

    def _of_each(self, scores: torch.Tensor, targets: torch.Tensor, **offered: Any) -> torch.Tensor:
        rows = range(len(targets))
        return torch.stack([self.loss(scores[row : row + 1], targets[row : row + 1], **offered) for row in rows])

    @classmethod
    def of(cls, loss: Loss, facts: Mapping[str, Any], factories: Factories, device: torch.device) -> WeightedLoss:
        """Wrap a loss, if the losses of single texts make up that of a batch, or if it takes weights.

        Args:
            loss: what the factory built.
            facts: n_classes, and multi_label: whether a text may have several labels.
            factories: names the loss in messages, and knows whether it compares the texts of a batch.
            device: the device of the loss.

        Raises:
            RecipeError: the loss cannot weigh texts.
        """
        found = cls(loss, takes_weights(loss))
        who, example = factories.name("loss"), _example(facts["n_classes"], facts["multi_label"], device)
        if not found.at_once and (factories.whole_batch or not found._adds_up(*example, who)):
            raise RecipeError(
                f"{who} cannot weigh texts, and the training texts have weights: its value for a "
                "batch is not the mean of its values for the single texts. Leave the weights out, or use another loss; "
                "its author can let it take a third argument, weights."
            )
        return found

    def _adds_up(self, scores: torch.Tensor, targets: torch.Tensor, who: str) -> bool:
        """Whether the loss of a batch is the mean of the losses of its texts."""
        with plugin_errors(who, "computing the loss of single texts"), torch.no_grad():
            offered = {"epoch": 1} if takes(self.loss, "epoch", after=2) else {}
            whole, each = self.loss(scores, targets.clone(), **offered), self._of_each(scores, targets, **offered)
            return torch.allclose(each.mean(), whole, rtol=1e-3, atol=1e-5)


def is_mean_over_texts(loss: Loss, facts: Mapping[str, Any], factories: Factories, device: torch.device) -> bool:
    """Whether the loss of a batch is the mean of the losses of its texts, so that it can be computed in parts.

    Args:
        loss: what the factory built; a copy of it is tried out.
        facts: n_classes, and multi_label: whether a text may have several labels.
        factories: names the loss in messages, and knows whether it compares the texts of a batch.
        device: the device of the loss.
    """
    if factories.whole_batch:
        return False
    try:
        tried = copy.deepcopy(loss)
    except Exception:  # an object in it cannot be copied
        return False
    example = _example(facts["n_classes"], facts["multi_label"], device)
    return WeightedLoss(tried, at_once=False)._adds_up(*example, factories.name("loss"))


def _example(n_classes: int, multi_label: bool, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Made-up logits, and targets of all classes."""
    n_texts = min(TRIED, 2 * n_classes + 1)
    scores = torch.randn((n_texts, n_classes), generator=torch.Generator().manual_seed(0)).to(device)
    classes = torch.arange(n_texts, device=device) % n_classes
    return scores, torch.nn.functional.one_hot(classes, n_classes).float() if multi_label else classes
