"""Optimizer `sgd`."""

from textforge_standard.optimizers.of_torch import Decay, NotNegative, Positive, of_torch


@of_torch("SGD", fused=True)
def sgd(
    params,
    /,
    *,
    lr: Positive = 0.01,
    momentum: Decay = 0.0,
    dampening: Decay = 0.0,
    nesterov: bool = False,
    weight_decay: NotNegative = 0.0,
):
    """Stochastic gradient descent (Robbins & Monro 1951), fused.

    Options:
        lr: learning rate.
        momentum: momentum factor: the share of the last update that is kept (Polyak 1964).
        dampening: share of the gradient that does not enter the momentum.
        nesterov: look ahead along the momentum (Sutskever et al. 2013); needs momentum.
        weight_decay: L2 penalty, added to the gradient.
    """


def _fit(*, nesterov, momentum, dampening, **_):
    if nesterov and not momentum:
        return "nesterov needs a momentum; set momentum, for instance to 0.9."
    return "nesterov and dampening exclude each other; leave dampening at 0." if nesterov and dampening else None


sgd.check_options = _fit
