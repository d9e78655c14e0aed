"""Loss `binary-cross-entropy`."""

from collections.abc import Sequence
from typing import Any

from textforge_standard.losses.class_weights import ClassWeights, as_weights, class_weights, mean_over_texts
from textforge_standard.ranges import Fraction


def binary_cross_entropy(
    labels: Sequence[str],
    class_counts: Any,
    n_texts: int,
    multi_label: bool = False,
    /,
    *,
    label_smoothing: Fraction = 0.0,
    positive_weights: ClassWeights = None,
) -> Any:
    """Cross-entropy of a sigmoid per label, for texts that may have several labels; the mean over texts and labels.

    A label's weight multiplies its whole loss on texts that have the label, smoothing included, and does not affect
    texts without it.

    Options:
        label_smoothing: targets 0 and 1 are moved towards 0.5 by half of this value.
        positive_weights: label to its weight on texts that have it; 'balanced' is the number of texts without the label
            divided by the number with it, or 1 if either is 0; null weighs all labels equally.
    """
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits

    from textforge import RecipeError

    if not multi_label:
        raise RecipeError(
            "loss 'binary-cross-entropy' is for texts with several labels, and these have one each. "
            "Use 'cross-entropy'."
        )

    class BinaryCrossEntropy(nn.Module):
        weights: torch.Tensor | None

        def __init__(self) -> None:
            super().__init__()
            weights = class_weights(positive_weights, "positive_weights", labels, class_counts)
            if positive_weights == "balanced":
                weights = as_weights(n_texts - class_counts, class_counts)
            self.register_buffer("weights", weights)

        def forward(self, logits: Any, targets: Any, weights: Any = None) -> Any:
            smooth = targets * (1 - label_smoothing) + label_smoothing / 2
            # torch's pos_weight would also multiply the smoothed targets of texts without the label.
            of_labels = None if self.weights is None else torch.where(targets > 0, self.weights, 1.0)
            if weights is None:
                return binary_cross_entropy_with_logits(logits, smooth, weight=of_labels)
            terms = binary_cross_entropy_with_logits(logits, smooth, weight=of_labels, reduction="none")
            return mean_over_texts(terms.mean(dim=1), weights)

    return BinaryCrossEntropy()
