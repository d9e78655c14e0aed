"""Weights of classes in a loss."""

from typing import Any, Literal

from textforge_standard.optimizers.of_torch import Positive

ClassWeights = Literal["balanced"] | dict[str, Positive] | None


def class_weights(wanted: ClassWeights, option: str, labels: Any, class_counts: Any) -> Any:
    """A float32 tensor with a weight for each class, or None.

    'balanced' is n / (n_classes * count) (King & Zeng 2001), n being the sum of the counts; a class that no
    training text has weighs nothing.

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
        shares = np.divide(counts.sum() / len(counts), counts, out=np.zeros(len(counts)), where=counts > 0)
        return torch.as_tensor(shares, dtype=torch.float32)
    if set(wanted) != set(labels):
        raise RecipeError(
            f"loss.{option} must name each class once: {listed(labels)}; it names {listed(wanted) or 'none'}."
        )
    return torch.tensor([wanted[label] for label in labels], dtype=torch.float32)
