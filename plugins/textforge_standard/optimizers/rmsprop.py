"""Optimizer `rmsprop`."""

from textforge_standard.optimizers.of_torch import Decay, NotNegative, Positive, of_torch


@of_torch("RMSprop")
def rmsprop(
    params,
    /,
    *,
    lr: Positive = 0.01,
    alpha: Decay = 0.99,
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    momentum: Decay = 0.0,
    centered: bool = False,
):
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5): gradients divided by their running root mean square.

    Options:
        lr: learning rate.
        alpha: decay of the running mean of squared gradients.
        eps: added to the denominator for numerical stability.
        weight_decay: L2 penalty, added to the gradient.
        momentum: share of the last update that is kept.
        centered: divide by the running standard deviation instead (Graves 2013).
    """
