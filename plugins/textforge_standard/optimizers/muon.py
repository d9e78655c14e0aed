"""Optimizer `muon`."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt

from textforge_standard.optimizers.of_torch import Betas, torch_optimizer
from textforge_standard.ranges import Fraction, NotNegative, Positive, Rate


def muon(
    params: Any,
    module: Any,
    /,
    *,
    lr: Rate = 0.001,
    weight_decay: NotNegative = 0.1,
    momentum: Fraction = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    ns_steps: Annotated[int, Ge(1), Lt(100)] = 5,
    eps: Positive = 1e-7,
    adjust_lr_fn: Literal["original", "match_rms_adamw"] = "original",
    adamw_lr: Positive = 0.001,
    adamw_betas: Betas = (0.9, 0.999),
    adamw_eps: Positive = 1e-8,
    adamw_weight_decay: NotNegative = 0.01,
) -> Any:
    """Muon (Jordan et al. 2024) for hidden weight matrices, AdamW for all other weights. Needs torch 2.9 or later.

    Hidden matrices are all matrices except embeddings, the first layer over features, and the module's last matrix,
    which is its output layer. AdamW trains those, and biases, norms and convolutions.

    Options:
        lr: learning rate of the hidden matrices.
        weight_decay: fraction of each hidden weight subtracted per step, times lr.
        momentum: fraction of the last momentum that is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: coefficients of the Newton-Schulz polynomial, which makes an update nearly orthogonal.
        ns_steps: how many times the polynomial is applied.
        eps: smallest norm by which an update is divided.
        adjust_lr_fn: 'original' multiplies lr by sqrt(max(1, rows / columns)), 'match_rms_adamw' scales steps to the
            size of AdamW's (Liu et al. 2025).
        adamw_lr: learning rate of all other weights.
        adamw_betas: for all other weights: decay rates of the running means of the gradient and of its square.
        adamw_eps: for all other weights: added to the denominator for numerical stability.
        adamw_weight_decay: for all other weights: fraction of each weight subtracted per step, times adamw_lr.
    """
    from textforge import RecipeError

    make_muon = torch_optimizer("Muon", "muon")
    hidden = _hidden(module)
    inner = [parameter for parameter in params if id(parameter) in hidden]
    others = [parameter for parameter in params if id(parameter) not in hidden]
    if not inner:
        raise RecipeError("optimizer 'muon': the model has no hidden weight matrix to train with it. Use 'adamw'.")
    from textforge_standard.optimizers.joined import Joined

    first = make_muon(
        inner,
        lr=lr,
        weight_decay=weight_decay,
        momentum=momentum,
        nesterov=nesterov,
        ns_coefficients=ns_coefficients,
        eps=eps,
        ns_steps=ns_steps,
        adjust_lr_fn=adjust_lr_fn,
    )
    second = torch_optimizer("AdamW", "muon")(
        others, lr=adamw_lr, betas=adamw_betas, eps=adamw_eps, weight_decay=adamw_weight_decay, fused=True
    )
    return Joined(first, second)


def _hidden(module: Any) -> set[int]:
    """The ids of the parameters that are hidden matrices."""
    from torch import nn

    from textforge import FeatureLinear

    first = (FeatureLinear, nn.Embedding, nn.EmbeddingBag)
    outer = {id(p) for layer in module.modules() if isinstance(layer, first) for p in layer.parameters(recurse=False)}
    matrices = [id(parameter) for parameter in module.parameters() if parameter.ndim == 2]
    return set(matrices[:-1]) - outer
