"""Optimizer `adagrad`."""

from functools import partial
from typing import Any

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import torch_optimizer
from textforge_standard.ranges import NotNegative, Positive


def adagrad(
    params: Any,
    module: Any = None,
    /,
    *,
    lr: Positive = 0.01,
    lr_decay: NotNegative = 0.0,
    weight_decay: NotNegative = 0.0,
    initial_accumulator_value: NotNegative = 0.0,
    eps: Positive = 1e-10,
    sparse: bool = False,
) -> Any:
    """Adagrad (Duchi, Hazan & Singer 2011): rare features keep large steps, frequent ones get small steps.

    Options:
        lr: learning rate.
        lr_decay: step t uses lr / (1 + (t - 1) * lr_decay).
        weight_decay: L2 penalty, added to the gradient.
        initial_accumulator_value: initial value of the sums of squared gradients.
        eps: added to the denominator for numerical stability.
        sparse: update only the weights of words in the batch, which is much quicker with a large vocabulary; the steps
            are the same.
    """
    start = initial_accumulator_value
    dense = partial(
        torch_optimizer("Adagrad", "adagrad"),
        lr=lr,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        initial_accumulator_value=start,
        eps=eps,
    )
    if not sparse:
        return dense(params)
    from textforge_standard.optimizers.row_wise import RowAdagrad, row_wise

    return row_wise("adagrad", params, module, partial(RowAdagrad, lr=lr, eps=eps, per_row=False, start=start), dense)


def _contradiction(*, sparse: bool, weight_decay: float, lr_decay: float, **_: Any) -> str | None:
    if sparse and (weight_decay or lr_decay):
        return "sparse: true takes neither weight_decay nor lr_decay, which concern the weights of all words."
    return None


declare(adagrad, check_options=_contradiction, sparse_gradients="sparse")
