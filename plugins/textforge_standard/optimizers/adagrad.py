"""Optimizer `adagrad`."""

from textforge_standard.optimizers.of_torch import NotNegative, Positive, of_torch


@of_torch("Adagrad")
def adagrad(
    params,
    /,
    *,
    lr: Positive = 0.01,
    lr_decay: NotNegative = 0.0,
    weight_decay: NotNegative = 0.0,
    initial_accumulator_value: NotNegative = 0.0,
    eps: Positive = 1e-10,
):
    """Adagrad (Duchi, Hazan & Singer 2011): rare features keep large steps, frequent ones get small ones.

    Options:
        lr: learning rate.
        lr_decay: step t uses lr / (1 + (t - 1) * lr_decay).
        weight_decay: L2 penalty, added to the gradient.
        initial_accumulator_value: where the sums of squared gradients begin.
        eps: added to the denominator for numerical stability.
    """
