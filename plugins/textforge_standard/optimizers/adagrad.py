"""Optimizer `adagrad`."""

from textforge_standard.optimizers.of_torch import NotNegative, Positive, torch_optimizer


def adagrad(
    params,
    module=None,
    /,
    *,
    lr: Positive = 0.01,
    lr_decay: NotNegative = 0.0,
    weight_decay: NotNegative = 0.0,
    initial_accumulator_value: NotNegative = 0.0,
    eps: Positive = 1e-10,
    sparse: bool = False,
):
    """Adagrad (Duchi, Hazan & Singer 2011): rare features keep large steps, frequent ones get small ones.

    Options:
        lr: learning rate.
        lr_decay: step t uses lr / (1 + (t - 1) * lr_decay).
        weight_decay: L2 penalty, added to the gradient.
        initial_accumulator_value: where the sums of squared gradients begin.
        eps: added to the denominator for numerical stability.
        sparse: look at the weights of a batch's words only, which is much quicker where the vocabulary is large; the
            same steps.
    """
    made = torch_optimizer("Adagrad", "adagrad")
    given = {"lr": lr, "eps": eps}
    start = initial_accumulator_value
    if not sparse:
        return made(params, **given, lr_decay=lr_decay, weight_decay=weight_decay, initial_accumulator_value=start)
    from textforge_standard.optimizers.row_wise import RowAdagrad, row_wise

    return row_wise(
        "adagrad", params, module,
        lambda words: RowAdagrad(words, **given, per_row=False, start=start),
        lambda others: made(others, **given, initial_accumulator_value=start),
    )  # fmt: skip


def _fit(*, sparse, weight_decay, lr_decay, **_):
    if sparse and (weight_decay or lr_decay):
        return "sparse: true takes neither weight_decay nor lr_decay, which concern the weights of all words."
    return None


adagrad.check_options = _fit
adagrad.sparse_gradients = "sparse"
