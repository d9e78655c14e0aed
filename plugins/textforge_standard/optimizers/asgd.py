"""Optimizer `asgd`."""

from typing import Any

from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import NotNegative, PlainRate


@of_torch("ASGD")
def asgd(
    params: Any,
    /,
    *,
    lr: PlainRate = 0.01,
    lambd: NotNegative = 0.0001,
    alpha: NotNegative = 0.75,
    t0: NotNegative = 1e6,
    weight_decay: NotNegative = 0.0,
) -> Any:
    """Averaged SGD (Polyak & Juditsky 1992) as in torch: the model keeps the last weights, not their average.

    Options:
        lr: learning rate of the first step; step t uses lr / (1 + lambd * lr * t) ** alpha.
        lambd: decay of the weights and of the learning rate.
        alpha: exponent of the learning rate's decay.
        t0: step at which averaging begins.
    """
