"""Optimizer `sgd`."""

from textforge_standard.optimizers.of_torch import Decay, NotNegative, Positive, torch_optimizer


def sgd(
    params,
    module=None,
    /,
    *,
    lr: Positive = 0.01,
    momentum: Decay = 0.0,
    dampening: Decay = 0.0,
    nesterov: bool = False,
    weight_decay: NotNegative = 0.0,
    sparse: bool = False,
):
    """Stochastic gradient descent (Robbins & Monro 1951), fused.

    Options:
        lr: learning rate.
        momentum: momentum factor: the share of the last update that is kept (Polyak 1964).
        dampening: share of the gradient that does not enter the momentum.
        nesterov: look ahead along the momentum (Sutskever et al. 2013); needs momentum.
        weight_decay: L2 penalty, added to the gradient.
        sparse: look at the weights of a batch's words only, which is much quicker where the vocabulary is large; the
            same steps, but that weight_decay then shrinks a word's weights when a batch has it, frequent words' more.
    """
    made = torch_optimizer("SGD", "sgd")
    given = {"lr": lr, "weight_decay": weight_decay}
    if not sparse:
        return made(params, **given, momentum=momentum, dampening=dampening, nesterov=nesterov, fused=True)
    from textforge_standard.optimizers.row_wise import RowSGD, row_wise

    return row_wise(
        "sgd", params, module, lambda words: RowSGD(words, **given), lambda others: made(others, **given, fused=True)
    )


def _fit(*, nesterov, momentum, dampening, sparse, **_):
    if sparse and momentum:
        return "momentum moves the weights of all words at each step; leave it at 0 with sparse: true."
    if nesterov and not momentum:
        return "nesterov needs a momentum; set momentum, for instance to 0.9."
    return "nesterov and dampening exclude each other; leave dampening at 0." if nesterov and dampening else None


sgd.check_options = _fit
sgd.sparse_gradients = "sparse"
