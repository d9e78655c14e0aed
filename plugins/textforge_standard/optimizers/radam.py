"""Optimizer `radam`."""

from typing import Any

from textforge_standard.optimizers.of_torch import Betas, of_torch
from textforge_standard.ranges import NotNegative, Positive, Rate


@of_torch("RAdam")
def radam(
    params: Any,
    /,
    *,
    lr: Rate = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    decoupled_weight_decay: bool = False,
) -> Any:
    """RAdam (Liu et al. 2020): Adam with rectified first steps, which makes a warm-up unnecessary."""
