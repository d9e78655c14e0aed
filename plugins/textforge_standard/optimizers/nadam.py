"""Optimizer `nadam`."""

from textforge_standard.optimizers.of_torch import Betas, NotNegative, Positive, of_torch


@of_torch("NAdam")
def nadam(
    params,
    /,
    *,
    lr: Positive = 0.002,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    momentum_decay: NotNegative = 0.004,
    decoupled_weight_decay: bool = False,
):
    """NAdam (Dozat 2016): Adam with Nesterov's momentum.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: L2 penalty, added to the gradient.
        momentum_decay: how quickly the momentum approaches betas[0]; 0 halves it throughout.
        decoupled_weight_decay: take weight_decay off the weights instead, as AdamW does.
    """
