"""torch's optimizers as components: a decorator that turns a signature into a call."""

import functools
from collections.abc import Callable
from typing import Any

from textforge_standard.common_options import completed_doc
from textforge_standard.ranges import Fraction

Betas = tuple[Fraction, Fraction]
"""Decay rates of two running means: the fraction that each step keeps."""

COMMON_OPTIONS = {
    "lr": "learning rate.",
    "betas": "decay rates of the running means of the gradient and of its square.",
    "eps": "added to the denominator for numerical stability.",
    "weight_decay": "L2 penalty, added to the gradient.",
    "decoupled_weight_decay": "subtract weight_decay from the weights instead, as AdamW does.",
    "amsgrad": "divide by the largest mean square so far (Reddi, Kale & Kumar 2018).",
}
"""Documentation of options that mean the same in several optimizers; a factory's own docstring comes first."""


def of_torch(name: str, **fixed: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function's signature and docstring a factory of `torch.optim.<name>`; its body stays empty.

    Options have torch's names and are passed to torch unchanged, together with the `fixed` arguments. The docstring
    need not describe options that `COMMON_OPTIONS` describes.
    """

    def make(described: Callable[..., Any]) -> Callable[..., Any]:
        defaults = described.__kwdefaults__ or {}

        @functools.wraps(described)
        def factory(params: Any, /, **options: Any) -> Any:
            return torch_optimizer(name, described.__name__)(params, **{**defaults, **options}, **fixed)

        factory.__doc__ = completed_doc(described, COMMON_OPTIONS)
        return factory

    return make


def torch_optimizer(name: str, component: str) -> Callable[..., Any]:
    """`torch.optim.<name>`, without the decorators for torch's compiler (see `undecorated`).

    Raises:
        RecipeError: the installed torch is too old to have it.
    """
    import torch

    from textforge import RecipeError
    from textforge_standard.optimizers.undecorated import undecorated

    found = getattr(torch.optim, name, None)
    if found is None:
        raise RecipeError(
            f"optimizer '{component}': torch {torch.__version__} has no torch.optim.{name}. "
            "Install a newer torch, or use 'adamw'."
        )
    return undecorated(found)
