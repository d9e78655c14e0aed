"""Optimizer `adamax`."""

from typing import Any

from textforge_standard.optimizers.of_torch import Betas, of_torch
from textforge_standard.ranges import NotNegative, Positive, Rate


@of_torch("Adamax")
def adamax(
    params: Any,
    /,
    *,
    lr: Rate = 0.002,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> Any:
    """Adamax (Kingma & Ba 2015, section 7): Adam that divides by the largest gradient instead of a mean square.

    Options:
        betas: decay rates of the running mean of the gradient and of its running maximum.
        eps: added to the absolute gradient for numerical stability.
    """
