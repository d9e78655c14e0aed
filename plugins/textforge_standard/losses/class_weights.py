"""Weights of classes in a loss."""

from typing import Any, Literal

from textforge_standard.optimizers.of_torch import Positive

ClassWeights = Literal["balanced"] | dict[str, Positive] | None


def class_weights(wanted: ClassWeights, option: str, labels: Any, class_counts: Any) -> Any:
    """A float32 tensor with a weight for each class, or None.

    'balanced' is n / (n_classes * count) (King & Zeng 2001), n being the sum of the counts; a class without a
    training text weighs 1, since no count says how much it should.

    Raises:
        RecipeError: a mapping that does not name each class once.
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
    """Quotients as a float32 tensor of shape (n_classes,), 1 where numerator or count is 0: no class weighs nothing."""
    import numpy as np
    import torch

    numerators, counts = np.broadcast_arrays(np.asarray(numerators, np.float64), np.asarray(counts, np.float64))
    some = (numerators > 0) & (counts > 0)
    return torch.as_tensor(np.divide(numerators, counts, out=np.ones(len(counts)), where=some), dtype=torch.float32)


def with_mean_one(weights: Any, class_counts: Any) -> Any:
    """Weights scaled so that their mean over the training texts is 1; None stays None.

    A loss that multiplies each text's term by its weight is then a plain mean over texts: it adds up to the same
    gradient however a step is cut into batches, unlike a division by the weights that a batch happens to have. Over
    all training texts at once the two are equal.
    """
    import torch

    if weights is None:
        return None
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    total = (weights.double() * counts).sum()
    return (weights.double() * counts.sum() / total).float() if total > 0 else weights
