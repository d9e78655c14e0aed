"""Optimizer `asgd`."""

from textforge_standard.optimizers.of_torch import NotNegative, Positive, of_torch


@of_torch("ASGD")
def asgd(
    params,
    /,
    *,
    lr: Positive = 0.01,
    lambd: NotNegative = 0.0001,
    alpha: NotNegative = 0.75,
    t0: NotNegative = 1e6,
    weight_decay: NotNegative = 0.0,
):
    """Averaged SGD (Polyak & Juditsky 1992) as torch has it: the average is kept aside, the weights are the last.

    Options:
        lr: learning rate of the first step; step t uses lr / (1 + lambd * lr * t) ** alpha.
        lambd: decay of the weights and of the learning rate.
        alpha: power by which the learning rate falls.
        t0: step at which averaging begins.
        weight_decay: L2 penalty, added to the gradient.
    """
