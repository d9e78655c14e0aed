"""Optimizer `sparse-adam`."""

from textforge_standard.optimizers.of_torch import Betas, Positive, torch_optimizer


def sparse_adam(params, module, /, *, lr: Positive = 0.001, betas: Betas = (0.9, 0.999), eps: Positive = 1e-8):
    """Adam (Kingma & Ba 2015), lazy on word weights: only the rows of a batch's words are looked at.

    With a large vocabulary steps are much quicker. A word's running means rest while it does not occur, so the
    weights differ from Adam's. All parameters but those of embeddings and of the first layer have plain Adam.

    Options:
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
    """
    from textforge import RecipeError
    from textforge_standard.optimizers.joined import Joined

    rows = {id(layer.weight) for layer in module.modules() if hasattr(layer, "sparse") and hasattr(layer, "weight")}
    sparse = [parameter for parameter in params if id(parameter) in rows]
    dense = [parameter for parameter in params if id(parameter) not in rows]
    if not sparse:
        raise RecipeError("optimizer 'sparse-adam': the model has no weights with sparse gradients. Use 'adam'.")

    def refuse_dense(*_):
        if any(parameter.grad is not None and not parameter.grad.is_sparse for parameter in sparse):
            raise RecipeError(
                "optimizer 'sparse-adam': the word weights got a dense gradient, as over one vector a text. Use 'adam'."
            )

    first = torch_optimizer("SparseAdam", "sparse-adam")(sparse, lr=lr, betas=betas, eps=eps)
    first.register_step_pre_hook(refuse_dense)
    if not dense:
        return first
    return Joined(first, torch_optimizer("Adam", "sparse-adam")(dense, lr=lr, betas=betas, eps=eps, fused=True))


sparse_adam.sparse_gradients = True
