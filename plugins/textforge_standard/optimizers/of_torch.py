"""torch's optimizers as components: types of their options, and a decorator that turns a signature into a call."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Decay = Annotated[float, Ge(0), Lt(1)]
"""The fraction of a running mean that each step keeps."""
Betas = tuple[Decay, Decay]

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

        factory.__doc__ = _with_common_options(inspect.getdoc(described) or "", defaults)
        return factory

    return make


def _with_common_options(doc: str, options: dict[str, Any]) -> str:
    """A docstring completed by the `COMMON_OPTIONS` that it does not describe itself."""
    head, _, own = doc.partition("\nOptions:\n")
    lines = own.rstrip().splitlines()
    described = {line.strip().partition(":")[0] for line in lines}
    lines += [f"    {name}: {COMMON_OPTIONS[name]}" for name in options if name not in described]
    return "\n".join([head.rstrip(), "", "Options:", *lines]) + "\n"


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
