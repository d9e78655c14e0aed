"""Optimizer `rowwise-adagrad`."""

from textforge_standard.optimizers.of_torch import Betas, NotNegative, Positive, torch_optimizer


def rowwise_adagrad(
    params,
    module,
    /,
    *,
    lr: Positive = 0.01,
    weight_decay: NotNegative = 0.0,
    eps: Positive = 1e-10,
    betas: Betas = (0.9, 0.999),
):
    """Adagrad (Duchi, Hazan & Singer 2011) with one step size for all weights of a word, AdamW for all others.

    Only the rows of a batch's words are looked at, and one number is kept for each: the sum of the mean squares of its
    gradients. Rare words keep large steps. For large vocabularies and wide layers it is the quickest optimizer here.
    As in recommendation models (Mudigere et al. 2022), whose embeddings are as large and as seldom used.

    Options:
        lr: learning rate, of words and of all other weights.
        weight_decay: fraction of each weight taken off a step, times lr; of a word's weights when a batch has it.
        eps: added to the denominator for numerical stability.
        betas: AdamW's, for weights that are no word's.
    """
    from textforge_standard.optimizers.row_wise import RowAdagrad, row_wise

    given = {"lr": lr, "weight_decay": weight_decay}
    return row_wise(
        "rowwise-adagrad", params, module,
        lambda words: RowAdagrad(words, **given, eps=eps, per_row=True, start=0.0),
        lambda others: torch_optimizer("AdamW", "rowwise-adagrad")(others, **given, betas=betas, fused=True),
    )  # fmt: skip


rowwise_adagrad.sparse_gradients = True
