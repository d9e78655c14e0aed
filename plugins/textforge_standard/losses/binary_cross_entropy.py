"""Loss `binary-cross-entropy`."""

from typing import Annotated

from annotated_types import Ge, Lt

from textforge_standard.losses.class_weights import ClassWeights, class_weights


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

    Options:
        label_smoothing: targets are moved by half of this from 0 and 1 towards one half.
        positive_weights: of each label on the texts that have it, by its name; 'balanced' is the number of texts
            without it divided by that of those with it; null weighs all alike.
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
                counts = torch.as_tensor(class_counts, dtype=torch.float32)
                weights = torch.where(counts > 0, (n_texts - counts) / counts, 0.0)
            self.register_buffer("weights", weights)

        def forward(self, logits, targets):
            smooth = targets * (1 - label_smoothing) + label_smoothing / 2
            return binary_cross_entropy_with_logits(logits, smooth, pos_weight=self.weights)

    return BinaryCrossEntropy()
