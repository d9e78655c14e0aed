"""Optimizer `adam`."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt

Beta = Annotated[float, Ge(0), Lt(1)]


def adam(
    params,
    /,
    *,
    lr: Annotated[float, Gt(0)] = 0.001,
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: Annotated[float, Ge(0)] = 0.0,
):
    """Adam (Kingma & Ba 2015), torch's fused implementation.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: L2 penalty, added to the gradient.
    """
    from torch.optim import Adam

    from textforge_standard.undecorated import undecorated

    return undecorated(Adam)(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
