"""Loss `binary-cross-entropy`."""

from typing import Annotated

from annotated_types import Ge, Lt

from textforge_standard.losses.class_weights import ClassWeights, as_weights, class_weights


def binary_cross_entropy(
    labels,
    class_counts,
    n_texts: int,
    multi_label: bool = False,
    /,
    *,
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
    positive_weights: ClassWeights = None,
):
    """Cross-entropy of a sigmoid for each label, where a text may have several; the mean over texts and labels.

    A label's weight multiplies its whole loss on the texts that have it, and nothing on those that do not, whatever
    the smoothing.

    Options:
        label_smoothing: targets are moved by half of this from 0 and 1 towards one half.
        positive_weights: of each label on the texts that have it, by its name; 'balanced' is the number of texts
            without it divided by that of those with it, 1 where either is 0; null weighs all alike.
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
        def __init__(self) -> None:
            super().__init__()
            weights = class_weights(positive_weights, "positive_weights", labels, class_counts)
            if positive_weights == "balanced":
                weights = as_weights(n_texts - class_counts, class_counts)
            self.register_buffer("weights", weights)

        def forward(self, logits, targets):
            smooth = targets * (1 - label_smoothing) + label_smoothing / 2
            # not torch's pos_weight, which would also multiply the smoothed share of texts without the label
            weights = None if self.weights is None else torch.where(targets > 0, self.weights, 1.0)
            return binary_cross_entropy_with_logits(logits, smooth, weight=weights)

    return BinaryCrossEntropy()
