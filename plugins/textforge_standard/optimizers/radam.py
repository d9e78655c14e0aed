"""Optimizer `radam`."""

from textforge_standard.optimizers.of_torch import Betas, NotNegative, Positive, of_torch


@of_torch("RAdam")
def radam(
    params,
    /,
    *,
    lr: Positive = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    decoupled_weight_decay: bool = False,
):
    """RAdam (Liu et al. 2020): Adam whose first steps are rectified, which spares a warm-up.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: L2 penalty, added to the gradient.
        decoupled_weight_decay: take weight_decay off the weights instead, as AdamW does.
    """
