"""Loss `cross-entropy`."""

from collections.abc import Sequence
from typing import Any

from textforge_standard.losses.class_weights import (
    ClassWeights,
    class_weights as weights_of,
    mean_over_texts,
    with_mean_one,
)
from textforge_standard.ranges import Fraction


def cross_entropy(
    labels: Sequence[str],
    class_counts: Any,
    multi_label: bool = False,
    /,
    *,
    label_smoothing: Fraction = 0.0,
    class_weights: ClassWeights = None,
) -> Any:
    """Cross-entropy of a softmax, for texts with one label each; the mean over texts.

    A class's weight multiplies the whole loss of its texts, smoothing included. Weights are scaled so that their mean
    over the training texts is 1, so only their ratios matter.

    Options:
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al. 2016).
        class_weights: label to weight; 'balanced' is n / (n_classes * count); null weighs all classes equally.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    from textforge import RecipeError

    if multi_label:
        raise RecipeError(
            "loss 'cross-entropy' is for texts with one label each, and these have several. Use 'binary-cross-entropy'."
        )

    class CrossEntropy(nn.Module):
        weights: torch.Tensor | None

        def __init__(self) -> None:
            super().__init__()
            weights = weights_of(class_weights, "class_weights", labels, class_counts)
            self.register_buffer("weights", with_mean_one(weights, class_counts))

        def forward(self, logits: Any, targets: Any, weights: Any = None) -> Any:
            if self.weights is None and weights is None:
                return functional.cross_entropy(logits, targets, label_smoothing=label_smoothing)
            # torch's own class weights would also multiply each class's part of the smoothed target.
            each = functional.cross_entropy(logits, targets, reduction="none", label_smoothing=label_smoothing)
            return mean_over_texts(each if self.weights is None else each * self.weights[targets], weights)

    return CrossEntropy()
