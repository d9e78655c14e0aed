"""Optimizer `adadelta`."""

from typing import Any

from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import Fraction, NotNegative, Positive


@of_torch("Adadelta")
def adadelta(
    params: Any,
    /,
    *,
    lr: Positive = 1.0,
    rho: Fraction = 0.9,
    eps: Positive = 1e-6,
    weight_decay: NotNegative = 0.0,
) -> Any:
    """Adadelta (Zeiler 2012): scales each step by the size of earlier steps, so it needs no learning rate.

    Options:
        lr: factor on each step; 1 is the paper's rule.
        rho: decay rate of the running means of squared gradients and squared steps.
        eps: added under both square roots; it sets the size of the first steps.
    """
