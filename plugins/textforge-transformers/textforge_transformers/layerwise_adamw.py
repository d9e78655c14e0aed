"""Optimizer `layerwise-adamw`."""

from collections.abc import Iterable
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt

Momentum = Annotated[float, Ge(0), Lt(1)]


def layerwise_adamw(
    params: Iterable[Any],
    module: Any,
    /,
    *,
    lr: Annotated[float, Gt(0)] = 2e-5,
    decay: Annotated[float, Gt(0), Le(1)] = 0.95,
    head_lr: Annotated[float, Gt(0)] | None = None,
    betas: tuple[Momentum, Momentum] = (0.9, 0.999),
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: Annotated[float, Ge(0)] = 0.01,
) -> Any:
    """AdamW with smaller learning rates for lower layers (Howard & Ruder 2018; for BERT, Sun et al. 2019).

    Needs a model with a method `depths`, such as 'transformer-encoder'. Biases and norms have no weight decay.

    Options:
        lr: learning rate of the highest layer.
        decay: factor from a layer's rate to the rate of the layer below; Sun et al. found 0.95 best, Howard & Ruder
            divided by 2.6; 1 gives all layers the same rate.
        head_lr: learning rate of the head, the parameters that are not pretrained; null uses lr.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator for numerical stability.
        weight_decay: fraction of each weight subtracted per step, times its learning rate (Loshchilov & Hutter 2019).
    """
    import torch
    from textforge import RecipeError

    parts = module.depths() if callable(getattr(module, "depths", None)) else []
    if len(parts) < 2:
        raise RecipeError(
            "optimizer 'layerwise-adamw': the model does not list its layers, as 'transformer-encoder' does. Use "
            "'adamw'."
        )
    top = len(parts) - 1
    names = ["embeddings", *(f"layer {number}" for number in range(1, len(parts)))]
    rates = [lr * decay ** (top - depth) for depth in range(len(parts))]
    inner = {id(parameter) for part in parts for parameter in part}
    parts = [*parts, [parameter for parameter in params if id(parameter) not in inner]]
    groups = []
    for name, rate, part in zip([*names, "head"], [*rates, head_lr or lr], parts, strict=True):
        trained = [parameter for parameter in part if parameter.requires_grad]
        matrices = [parameter for parameter in trained if parameter.ndim > 1]
        others = [parameter for parameter in trained if parameter.ndim < 2]
        for chosen, taken_off in ((matrices, weight_decay), (others, 0.0)):
            if chosen:
                groups.append({"params": chosen, "lr": rate, "weight_decay": taken_off, "layer": name})
    return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, fused=True)
