"""Optimizer `sgd`."""

from functools import partial
from typing import Any

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import torch_optimizer
from textforge_standard.ranges import Fraction, NotNegative, Positive


def sgd(
    params: Any,
    module: Any = None,
    /,
    *,
    lr: Positive = 0.01,
    momentum: Fraction = 0.0,
    dampening: Fraction = 0.0,
    nesterov: bool = False,
    weight_decay: NotNegative = 0.0,
    sparse: bool = False,
) -> Any:
    """Stochastic gradient descent (Robbins & Monro 1951), in torch's fused implementation.

    Options:
        lr: learning rate.
        momentum: fraction of the last update that is kept (Polyak 1964).
        dampening: fraction of the gradient that does not enter the momentum.
        nesterov: look ahead along the momentum (Sutskever et al. 2013); needs momentum.
        weight_decay: L2 penalty, added to the gradient.
        sparse: update only the weights of words in the batch, which is much quicker with a large vocabulary; the steps
            are the same, except that weight_decay shrinks a word's weights only in batches that contain the word.
    """
    dense = partial(
        torch_optimizer("SGD", "sgd"),
        lr=lr,
        momentum=momentum,
        dampening=dampening,
        nesterov=nesterov,
        weight_decay=weight_decay,
        fused=True,
    )
    if not sparse:
        return dense(params)
    from textforge_standard.optimizers.row_wise import RowSGD, row_wise

    return row_wise("sgd", params, module, partial(RowSGD, lr=lr, weight_decay=weight_decay), dense)


def _contradiction(*, nesterov: bool, momentum: float, dampening: float, sparse: bool, **_: Any) -> str | None:
    if sparse and momentum:
        return "momentum moves the weights of all words at each step; leave it at 0 with sparse: true."
    if nesterov and not momentum:
        return "nesterov needs a momentum; set momentum, for instance to 0.9."
    return "nesterov and dampening exclude each other; leave dampening at 0." if nesterov and dampening else None


declare(sgd, check_options=_contradiction, sparse_gradients="sparse")
