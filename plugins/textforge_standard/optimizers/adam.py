"""Optimizer `adam`."""

from textforge_standard.optimizers.of_torch import Betas, NotNegative, Positive, of_torch


@of_torch("Adam", fused=True)
def adam(
    params,
    /,
    *,
    lr: Positive = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    amsgrad: bool = False,
):
    """Adam (Kingma & Ba 2015), torch's fused implementation.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: L2 penalty, added to the gradient.
        amsgrad: divide by the largest mean square so far (Reddi, Kale & Kumar 2018).
    """
