"""Loss `cross-entropy`."""

from typing import Annotated

from annotated_types import Ge, Lt

from textforge_standard.losses.class_weights import ClassWeights, class_weights as weights_of, with_mean_one


def cross_entropy(
    labels,
    class_counts,
    multi_label: bool = False,
    /,
    *,
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
    class_weights: ClassWeights = None,
):
    """Cross-entropy of the softmax, where every text has one label; the mean over texts.

    A class's weight multiplies the whole loss of its texts, the smoothed part included. Weights are scaled so that
    their mean over the training texts is 1.

    Options:
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al. 2016).
        class_weights: of each class, by its label; 'balanced' is n / (n_classes * count); null weighs all alike.
            Only their ratios count.
    """
    from torch import nn
    from torch.nn import functional

    from textforge import RecipeError

    if multi_label:
        raise RecipeError(
            "loss 'cross-entropy' is for texts with one label each, and these have several. Use 'binary-cross-entropy'."
        )

    class CrossEntropy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weights = weights_of(class_weights, "class_weights", labels, class_counts)
            self.register_buffer("weights", with_mean_one(weights, class_counts))

        def forward(self, logits, targets):
            if self.weights is None:
                return functional.cross_entropy(logits, targets, label_smoothing=label_smoothing)
            # torch's own weights would also multiply each class's share of the smoothed target
            each = functional.cross_entropy(logits, targets, reduction="none", label_smoothing=label_smoothing)
            return (each * self.weights[targets]).mean()

    return CrossEntropy()
