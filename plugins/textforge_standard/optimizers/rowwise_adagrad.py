"""Optimizer `rowwise-adagrad`."""

from functools import partial
from typing import Any

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import Betas, torch_optimizer
from textforge_standard.ranges import NotNegative, PlainRate, Positive


def rowwise_adagrad(
    params: Any,
    module: Any,
    /,
    *,
    lr: PlainRate = 0.01,
    weight_decay: NotNegative = 0.0,
    eps: Positive = 1e-10,
    betas: Betas = (0.9, 0.999),
) -> Any:
    """Adagrad (Duchi, Hazan & Singer 2011) with one step size per word, AdamW for all other weights.

    Updates only the weights of words in the batch, and keeps one number per word: the sum of the mean squares of its
    gradients. Rare words keep large steps. With a large vocabulary and wide layers it is the quickest optimizer here.
    Recommendation models train their large embeddings this way (Mudigere et al. 2022).

    Options:
        lr: learning rate of all weights.
        weight_decay: fraction of each weight subtracted per step, times lr; for a word's weights, only in batches that
            contain the word.
        eps: added to the denominator for numerical stability.
        betas: AdamW's, for weights that belong to no word.
    """
    from textforge_standard.optimizers.row_wise import RowAdagrad, row_wise

    shared = {"lr": lr, "weight_decay": weight_decay}
    dense = partial(torch_optimizer("AdamW", "rowwise-adagrad"), **shared, betas=betas, fused=True)
    words = partial(RowAdagrad, **shared, eps=eps, per_row=True, start=0.0)
    return row_wise("rowwise-adagrad", params, module, words, dense)


declare(rowwise_adagrad, sparse_gradients=True)
