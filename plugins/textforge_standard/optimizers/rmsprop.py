"""Optimizer `rmsprop`."""

from typing import Any

from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import Fraction, NotNegative, Positive, Rate


@of_torch("RMSprop")
def rmsprop(
    params: Any,
    /,
    *,
    lr: Rate = 0.01,
    alpha: Fraction = 0.99,
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    momentum: Fraction = 0.0,
    centered: bool = False,
) -> Any:
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5): divides gradients by their running root mean square.

    Options:
        alpha: decay rate of the running mean of squared gradients.
        momentum: fraction of the last update that is kept.
        centered: divide by the running standard deviation instead (Graves 2013).
    """
