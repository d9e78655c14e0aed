"""Weights of classes and of texts in a loss."""

from collections.abc import Sequence
from typing import Any, Literal

from textforge_standard.ranges import Positive

ClassWeights = Literal["balanced"] | dict[str, Positive] | None


def class_weights(wanted: ClassWeights, option: str, labels: Sequence[str], class_counts: Any) -> Any:
    """The weight of each class as a float32 tensor (n_classes,), or None if `wanted` is None.

    'balanced' is n / (n_classes * count) (King & Zeng 2001), where n is the sum of the counts. A class without training
    texts has weight 1.

    Args:
        wanted: the value of the option.
        option: name of the option, for messages.
        labels: the classes, in the order of the weights.
        class_counts: number of training texts per class, int (n_classes,).

    Raises:
        RecipeError: a mapping does not name each class once.
    """
    import numpy as np
    import torch

    from textforge import RecipeError
    from textforge.errors import listed

    if wanted is None:
        return None
    if wanted == "balanced":
        counts = np.asarray(class_counts, dtype=np.float64)
        return as_weights(counts.sum() / len(counts), counts)
    if set(wanted) != set(labels):
        raise RecipeError(
            f"loss.{option} must name each class once: {listed(labels)}; it names {listed(wanted) or 'none'}."
        )
    return torch.tensor([wanted[label] for label in labels], dtype=torch.float32)


def as_weights(numerators: Any, counts: Any) -> Any:
    """Numerators divided by counts as a float32 tensor (n_classes,); 1 if either is 0, so that no weight is 0."""
    import numpy as np
    import torch

    numerators, counts = np.broadcast_arrays(np.asarray(numerators, np.float64), np.asarray(counts, np.float64))
    some = (numerators > 0) & (counts > 0)
    return torch.as_tensor(np.divide(numerators, counts, out=np.ones(len(counts)), where=some), dtype=torch.float32)


def with_mean_one(weights: Any, class_counts: Any) -> Any:
    """Scale weights so that their mean over the training texts is 1; None stays None.

    A loss can then be a plain mean over texts of weighted terms, and its gradient does not depend on how a step is
    split into batches. Division by the sum of a batch's weights would depend on it. Over all training texts in one
    batch the two are equal.
    """
    import torch

    if weights is None:
        return None
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    total = (weights.double() * counts).sum()
    return (weights.double() * counts.sum() / total).float() if total > 0 else weights


def mean_over_texts(each: Any, weights: Any) -> Any:
    """The mean of the losses of texts, shape (n,), times the weights of the texts, float32 (n,), if they have any."""
    return each.mean() if weights is None else (each * weights).mean()
