"""Loss `hinge`."""

from collections.abc import Sequence
from typing import Any

from textforge_standard.losses.class_weights import ClassWeights, class_weights as weights_of, mean_over_texts


def hinge(
    labels: Sequence[str],
    class_counts: Any,
    multi_label: bool = False,
    /,
    *,
    squared: bool = True,
    class_weights: ClassWeights = None,
) -> Any:
    """Sum of the hinge losses of each class against the rest; with model 'linear' it is a linear SVM (Tang 2013).

    The loss is 0 if a text is on the correct side of each class's boundary by a margin of 1. Outputs are distances, not
    log-odds, so probabilities rank well but are calibrated only with `decision: {calibrate: temperature}`.

    Options:
        squared: square the distance to the margin, as scikit-learn's LinearSVC does.
        class_weights: label to weight of the class's own texts at its boundary; 'balanced' is
            n / (n_classes * count); null weighs all classes equally. Weights are not scaled, as in LIBLINEAR.
    """
    import torch
    from torch import nn
    from torch.nn.functional import one_hot

    class Hinge(nn.Module):
        weights: torch.Tensor | None

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("weights", weights_of(class_weights, "class_weights", labels, class_counts))

        def forward(self, logits: Any, targets: Any, weights: Any = None) -> Any:
            wanted = (targets if multi_label else one_hot(targets, logits.shape[1])).to(logits.dtype)
            missing = (1 - (2 * wanted - 1) * logits).clamp(min=0)
            missing = missing.square() if squared else missing
            if self.weights is not None:
                missing = missing * torch.where(wanted > 0, self.weights, 1.0)
            return mean_over_texts(missing.sum(dim=1), weights)

    return Hinge()
