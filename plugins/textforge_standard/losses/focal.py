"""Loss `focal`."""

from collections.abc import Sequence
from typing import Any

from textforge_standard.losses.class_weights import (
    ClassWeights,
    class_weights as weights_of,
    mean_over_texts,
    with_mean_one,
)
from textforge_standard.ranges import NotNegative


def focal(
    labels: Sequence[str],
    class_counts: Any,
    multi_label: bool = False,
    /,
    *,
    gamma: NotNegative = 2.0,
    class_weights: ClassWeights = None,
) -> Any:
    """Focal loss (Lin et al. 2017): cross-entropy times (1 - p) ** gamma, which reduces the weight of easy texts.

    p is the probability of the gold class: of a softmax if a text has one label, of a sigmoid per label if it may have
    several. With gamma 0 it equals 'cross-entropy' or 'binary-cross-entropy'.

    Options:
        gamma: exponent; larger values reduce the weight of easy texts further.
        class_weights: label to weight; 'balanced' is n / (n_classes * count), where n is the sum of the counts; null
            weighs all classes equally. With one label per text, weights are scaled so that their mean over the training
            texts is 1. With several, a weight applies unscaled to texts that have the label.
    """
    import torch
    from torch import nn
    from torch.nn.functional import logsigmoid

    class Focal(nn.Module):
        weights: torch.Tensor | None

        def __init__(self) -> None:
            super().__init__()
            weights = weights_of(class_weights, "class_weights", labels, class_counts)
            self.register_buffer("weights", weights if multi_label else with_mean_one(weights, class_counts))

        def forward(self, logits: Any, targets: Any, weights: Any = None) -> Any:
            if multi_label:
                log_p = logsigmoid(logits * (2 * targets - 1))
            else:
                log_p = logits.log_softmax(dim=1).gather(1, targets[:, None])[:, 0]
            terms = self._terms(log_p)
            if self.weights is not None:
                terms = terms * (torch.where(targets > 0, self.weights, 1.0) if multi_label else self.weights[targets])
            return mean_over_texts(terms if weights is None else terms.reshape(len(terms), -1).mean(dim=1), weights)

        def _terms(self, log_p: Any) -> Any:
            # Clamped, because at 0 a power below 1 has an infinite gradient.
            missing = (-log_p.expm1()).clamp(min=1e-12)
            return -log_p * missing**gamma

    return Focal()
