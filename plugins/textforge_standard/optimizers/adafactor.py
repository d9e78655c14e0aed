"""Optimizer `adafactor`."""

from typing import Annotated, Any

from annotated_types import Ge, Le

from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import NotNegative, Positive, Rate


@of_torch("Adafactor")
def adafactor(
    params: Any,
    /,
    *,
    lr: Rate = 0.01,
    beta2_decay: Annotated[float, Le(0)] = -0.8,
    eps: tuple[Positive | None, Positive] = (None, 0.001),
    d: Annotated[float, Ge(1)] = 1.0,
    weight_decay: NotNegative = 0.0,
) -> Any:
    """Adafactor (Shazeer & Stern 2018): saves memory by keeping one mean square per row and per column of a matrix.

    Options:
        lr: largest relative step; a step is min(lr, 1 / sqrt(number of steps)) times the size of the weights.
        beta2_decay: the running mean of squares decays by 1 - step ** beta2_decay.
        eps: smallest squared gradient (null: the precision of the dtype), and smallest size of the weights.
        d: largest root mean square of an update; larger updates are scaled down to it.
        weight_decay: fraction of each weight subtracted per step, times lr.
    """
