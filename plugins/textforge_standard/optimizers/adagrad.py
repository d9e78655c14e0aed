"""Optimizer `adagrad`."""

from typing import Any

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import NotNegative, PlainRate, Positive


def _words(words: Any, *, lr: float, eps: float, initial_accumulator_value: float, **_: Any) -> Any:
    from textforge_standard.optimizers.row_wise import RowAdagrad

    return RowAdagrad(words, lr=lr, eps=eps, per_row=False, start=initial_accumulator_value)


@of_torch("Adagrad", words=_words)
def adagrad(
    params: Any,
    module: Any = None,
    /,
    *,
    lr: PlainRate = 0.01,
    lr_decay: NotNegative = 0.0,
    weight_decay: NotNegative = 0.0,
    initial_accumulator_value: NotNegative = 0.0,
    eps: Positive = 1e-10,
    sparse: bool = False,
) -> Any:
    """Adagrad (Duchi, Hazan & Singer 2011): rare features keep large steps, frequent ones get small steps.

    Options:
        lr_decay: step t uses lr / (1 + (t - 1) * lr_decay).
        initial_accumulator_value: initial value of the sums of squared gradients.
        sparse: update only the weights of words in the batch, which is much quicker with a large vocabulary; the steps
            are the same.
    """


def _contradiction(*, sparse: bool, weight_decay: float, lr_decay: float, **_: Any) -> str | None:
    if sparse and (weight_decay or lr_decay):
        return "sparse: true takes neither weight_decay nor lr_decay, which concern the weights of all words."
    return None


declare(adagrad, check_options=_contradiction)
