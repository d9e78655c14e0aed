"""Optimizer `adamw`."""

from typing import Any

from textforge_standard.optimizers.of_torch import Betas, of_torch
from textforge_standard.ranges import NotNegative, Positive, Rate


@of_torch("AdamW", fused=True)
def adamw(
    params: Any,
    /,
    *,
    lr: Rate = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.01,
    amsgrad: bool = False,
) -> Any:
    """AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay, in torch's fused implementation.

    Options:
        weight_decay: fraction of each weight subtracted per step, times lr.
    """
