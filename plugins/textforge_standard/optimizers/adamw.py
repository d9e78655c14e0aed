"""Optimizer `adamw`."""

from textforge_standard.optimizers.of_torch import Betas, NotNegative, Positive, of_torch


@of_torch("AdamW", fused=True)
def adamw(
    params,
    /,
    *,
    lr: Positive = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.01,
    amsgrad: bool = False,
):
    """AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay, fused.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: fraction of each weight taken off a step, times lr.
        amsgrad: divide by the largest mean square so far (Reddi, Kale & Kumar 2018).
    """
