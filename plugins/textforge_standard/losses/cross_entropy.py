"""Loss `cross-entropy`."""

from typing import Annotated

from annotated_types import Ge, Lt

from textforge_standard.losses.class_weights import ClassWeights, class_weights as weights_of


def cross_entropy(
    labels,
    class_counts,
    multi_label: bool = False,
    /,
    *,
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
    class_weights: ClassWeights = None,
):
    """Cross-entropy of the softmax, where every text has one label; a weighted mean where classes have weights.

    Options:
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al. 2016).
        class_weights: of each class, by its label; 'balanced' is n / (n_classes * count); null weighs all alike.
    """
    from torch import nn

    from textforge import RecipeError

    if multi_label:
        raise RecipeError(
            "loss 'cross-entropy' is for texts with one label each, and these have several. Use 'binary-cross-entropy'."
        )
    weight = weights_of(class_weights, "class_weights", labels, class_counts)
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=label_smoothing)
