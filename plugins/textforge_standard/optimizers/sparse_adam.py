"""Optimizer `sparse-adam`."""

from textforge_standard.optimizers.of_torch import Betas, NotNegative, Positive, torch_optimizer


def sparse_adam(
    params,
    module,
    /,
    *,
    lr: Positive = 0.001,
    betas: Betas = (0.9, 0.999),
    eps: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
):
    """Adam (Kingma & Ba 2015), lazy on word weights: only the rows of a batch's words are looked at.

    With a large vocabulary steps are much quicker. A word's running means rest while it does not occur, so the
    weights differ from Adam's. All parameters but those of embeddings and of the first layer have plain AdamW.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: fraction of each weight taken off a step, times lr; of a word's weights when a batch has it.
    """
    from textforge_standard.optimizers.row_wise import RowAdam, row_wise

    given = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    return row_wise(
        "sparse-adam", params, module,
        lambda words: RowAdam(words, **given),
        lambda others: torch_optimizer("AdamW", "sparse-adam")(others, **given, fused=True),
    )  # fmt: skip


sparse_adam.sparse_gradients = True
