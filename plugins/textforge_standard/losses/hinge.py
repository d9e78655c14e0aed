"""Loss `hinge`."""

from textforge_standard.losses.class_weights import ClassWeights, class_weights as weights_of


def hinge(
    labels,
    class_counts,
    multi_label: bool = False,
    /,
    *,
    squared: bool = True,
    class_weights: ClassWeights = None,
):
    """Hinge loss of each class against the rest, summed: with model 'linear' a linear SVM (Tang 2013).

    A text is to be on the right side of each class's boundary by a margin of 1. The outputs are distances, not
    log-odds: probabilities are right in order, and in size with `decision: {calibrate: temperature}`.

    Options:
        squared: square what is missing from the margin, as scikit-learn's LinearSVC does.
        class_weights: of each class's own texts at its boundary, by its label; 'balanced' is
            n / (n_classes * count); null weighs all alike. They are taken as they are, as LIBLINEAR takes them.
    """
    import torch
    from torch import nn
    from torch.nn.functional import one_hot

    class Hinge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("weights", weights_of(class_weights, "class_weights", labels, class_counts))

        def forward(self, logits, targets):
            wanted = (targets if multi_label else one_hot(targets, logits.shape[1])).to(logits.dtype)
            missing = (1 - (2 * wanted - 1) * logits).clamp(min=0)
            missing = missing.square() if squared else missing
            if self.weights is not None:
                missing = missing * torch.where(wanted > 0, self.weights, 1.0)
            return missing.sum(dim=1).mean()

    return Hinge()
