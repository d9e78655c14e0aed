"""Optimizer `nadam`."""

from typing import Any

from textforge_standard.optimizers.of_torch import Betas, of_torch
from textforge_standard.ranges import NotNegative, Positive, Rate


@of_torch("NAdam")
def nadam(
    params: Any,
    /,
    *,
    lr: Rate = 0.002,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    momentum_decay: NotNegative = 0.004,
    decoupled_weight_decay: bool = False,
) -> Any:
    """NAdam (Dozat 2016): Adam with Nesterov momentum.

    Options:
        momentum_decay: how quickly the momentum approaches betas[0]; 0 keeps it at half of betas[0].
    """
