"""Optimizer `sgd`."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt


def sgd(
    params,
    /,
    *,
    lr: Annotated[float, Gt(0)] = 0.01,
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0,
    nesterov: bool = False,
    weight_decay: Annotated[float, Ge(0)] = 0.0,
):
    """Stochastic gradient descent (Robbins & Monro 1951), fused.

    Options:
        lr: learning rate.
        momentum: momentum factor: the share of the last update that is kept (Polyak 1964).
        nesterov: look ahead along the momentum (Sutskever et al. 2013); needs momentum.
        weight_decay: L2 penalty, added to the gradient.
    """
    from torch.optim import SGD

    from textforge_standard.undecorated import undecorated

    return undecorated(SGD)(params, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True)


def _fit(*, nesterov, momentum, **_):
    return "nesterov needs a momentum; set momentum, for instance to 0.9." if nesterov and not momentum else None


sgd.check_options = _fit
