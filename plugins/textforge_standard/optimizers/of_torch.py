"""torch's optimizers as components: a decorator that turns a signature into a call."""

import functools
from collections.abc import Callable
from typing import Any

from textforge_standard.common_options import completed_doc
from textforge_standard.declare import declare
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


def of_torch(
    name: str, *, words: Callable[..., Any] | None = None, **fixed: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function's signature and docstring a factory of `torch.optim.<name>`; its body stays empty.

    Options have torch's names and are passed to torch unchanged, together with the `fixed` arguments. The docstring
    need not describe options that `COMMON_OPTIONS` describes.

    Args:
        name: name of the class in `torch.optim`.
        words: function that makes the optimizer of the word weights if the option `sparse` is true; it takes the
            weights and all other options. The class of torch then trains the other weights. The described function
            must have the fact `module` and the option `sparse`.
        fixed: arguments that are not options.
    """

    def make(described: Callable[..., Any]) -> Callable[..., Any]:
        defaults = described.__kwdefaults__ or {}

        @functools.wraps(described)
        def factory(params: Any, module: Any = None, /, **given: Any) -> Any:
            options = {**defaults, **given}
            sparse = words is not None and options.pop("sparse")
            dense = functools.partial(torch_optimizer(name, described.__name__), **options, **fixed)
            if words is None or not sparse:
                return dense(params)
            from textforge_standard.optimizers.row_wise import row_wise

            return row_wise(described.__name__, params, module, functools.partial(words, **options), dense)

        factory.__doc__ = completed_doc(described, COMMON_OPTIONS)
        if words is not None:
            declare(factory, sparse_gradients="sparse")
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
