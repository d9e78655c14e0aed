"""Optimizer `adafactor`."""

from typing import Annotated

from annotated_types import Ge, Le

from textforge_standard.optimizers.of_torch import NotNegative, Positive, of_torch


@of_torch("Adafactor")
def adafactor(
    params,
    /,
    *,
    lr: Positive = 0.01,
    beta2_decay: Annotated[float, Le(0)] = -0.8,
    eps: tuple[Positive | None, Positive] = (None, 0.001),
    d: Annotated[float, Ge(1)] = 1.0,
    weight_decay: NotNegative = 0.0,
):
    """Adafactor (Shazeer & Stern 2018): a matrix's mean squares kept as a row and a column, to save memory.

    Options:
        lr: largest relative step; a step is min(lr, 1 / sqrt(steps so far)) times the weights' size.
        beta2_decay: the running mean of squares decays by 1 - step ** beta2_decay.
        eps: least squared gradient (null takes the precision of the numbers), and least size of the weights.
        d: largest root mean square of an update; longer ones are shortened to it.
        weight_decay: fraction of each weight taken off a step, times lr.
    """
