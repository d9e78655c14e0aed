"""Optimizer `adamw`."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt

Beta = Annotated[float, Ge(0), Lt(1)]


def adamw(
    params,
    /,
    *,
    lr: Annotated[float, Gt(0)] = 0.001,
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: Annotated[float, Ge(0)] = 0.01,
):
    """AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay, fused.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: fraction of each weight taken off a step, times lr.
    """
    from torch.optim import AdamW

    from textforge_standard.undecorated import undecorated

    return undecorated(AdamW)(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
