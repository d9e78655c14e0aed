"""Optimizer `sgd`."""

from typing import Any

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import Fraction, NotNegative, PlainRate


def _words(words: Any, *, lr: float, weight_decay: float, **_: Any) -> Any:
    from textforge_standard.optimizers.row_wise import RowSGD

    return RowSGD(words, lr=lr, weight_decay=weight_decay)


@of_torch("SGD", words=_words, fused=True)
def sgd(
    params: Any,
    module: Any = None,
    /,
    *,
    lr: PlainRate = 0.01,
    momentum: Fraction = 0.0,
    dampening: Fraction = 0.0,
    nesterov: bool = False,
    weight_decay: NotNegative = 0.0,
    sparse: bool = False,
) -> Any:
    """Stochastic gradient descent (Robbins & Monro 1951), in torch's fused implementation.

    Options:
        momentum: fraction of the last update that is kept (Polyak 1964).
        dampening: fraction of the gradient that does not enter the momentum.
        nesterov: look ahead along the momentum (Sutskever et al. 2013); needs momentum.
        sparse: update only the weights of words in the batch, which is much quicker with a large vocabulary; the steps
            are the same, except that weight_decay shrinks a word's weights only in batches that contain the word.
    """


def _contradiction(*, nesterov: bool, momentum: float, dampening: float, sparse: bool, **_: Any) -> str | None:
    if sparse and momentum:
        return "momentum moves the weights of all words at each step; leave it at 0 with sparse: true."
    if nesterov and not momentum:
        return "nesterov needs a momentum; set momentum, for instance to 0.9."
    return "nesterov and dampening exclude each other; leave dampening at 0." if nesterov and dampening else None


declare(sgd, check_options=_contradiction)
