"""Loss `focal`."""

from textforge_standard.losses.class_weights import ClassWeights, class_weights as weights_of, with_mean_one
from textforge_standard.optimizers.of_torch import NotNegative


def focal(
    labels,
    class_counts,
    multi_label: bool = False,
    /,
    *,
    gamma: NotNegative = 2.0,
    class_weights: ClassWeights = None,
):
    """Focal loss (Lin et al. 2017): cross-entropy times (1 - p) ** gamma, so that what is known already counts little.

    p is the probability given to the truth: by a softmax where a text has one label, by a sigmoid for each label
    where it may have several. With gamma 0 it is 'cross-entropy', or 'binary-cross-entropy'.

    Options:
        gamma: how little easy texts count.
        class_weights: of each class, by its label; 'balanced' is n / (n_classes * count), n being the sum of counts;
            null weighs all alike. Where a text has one label, weights are scaled so that their mean over the training
            texts is 1; where it may have several, a weight counts on the texts that have the label, as it is.
    """
    import torch
    from torch import nn
    from torch.nn.functional import logsigmoid

    class Focal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weights = weights_of(class_weights, "class_weights", labels, class_counts)
            self.register_buffer("weights", weights if multi_label else with_mean_one(weights, class_counts))

        def forward(self, logits, targets):
            if multi_label:
                log_p = logsigmoid(logits * (2 * targets - 1))
            else:
                log_p = logits.log_softmax(dim=1).gather(1, targets[:, None])[:, 0]
            if self.weights is None:
                return self._terms(log_p).mean()
            weights = torch.where(targets > 0, self.weights, 1.0) if multi_label else self.weights[targets]
            return (self._terms(log_p) * weights).mean()

        def _terms(self, log_p):
            # not exactly 0, where a power below 1 has no gradient
            missing = (-log_p.expm1()).clamp(min=1e-12)
            return -log_p * missing**gamma

    return Focal()
