"""Optimizer `adam`."""

from typing import Any

from textforge_standard.optimizers.of_torch import Betas, of_torch
from textforge_standard.ranges import NotNegative, Positive, Rate


@of_torch("Adam", fused=True)
def adam(
    params: Any,
    /,
    *,
    lr: Rate = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    amsgrad: bool = False,
) -> Any:
    """Adam (Kingma & Ba 2015), in torch's fused implementation."""
