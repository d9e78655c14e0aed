"""Optimizer `sparse-adam`."""

from functools import partial
from typing import Any

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import Betas, torch_optimizer
from textforge_standard.ranges import NotNegative, Positive, Rate


def sparse_adam(
    params: Any,
    module: Any,
    /,
    *,
    lr: Rate = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> Any:
    """Adam (Kingma & Ba 2015) that updates only the weights of words in the batch, AdamW for all other weights.

    Steps are much quicker with a large vocabulary. The running means of a word do not decay while it does not occur,
    so the weights differ from Adam's. Word weights are those of embeddings and of the first layer.

    Options:
        lr: learning rate.
        betas: decay rates of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: fraction of each weight subtracted per step, times lr; for a word's weights, only in batches that
            contain the word.
    """
    from textforge_standard.optimizers.row_wise import RowAdam, row_wise

    shared = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    dense = partial(torch_optimizer("AdamW", "sparse-adam"), **shared, fused=True)
    return row_wise("sparse-adam", params, module, partial(RowAdam, **shared), dense)


declare(sparse_adam, sparse_gradients=True)
