"""torch's optimizers as components: the types of their options, and a signature that becomes a call."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Decay = Annotated[float, Ge(0), Lt(1)]
"""What a running mean keeps of itself a step."""
Betas = tuple[Decay, Decay]


def of_torch(name: str, **always: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A factory of `torch.optim.<name>` made of its signature and documentation; the body is left empty.

    Options bear torch's names and go to torch as they are, with what is `always` so.
    """

    def make(described: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(described)
        def factory(params: Any, /, **options: Any) -> Any:
            made = torch_optimizer(name, described.__name__)
            return made(params, **{**(described.__kwdefaults__ or {}), **options}, **always)

        return factory

    return make


def torch_optimizer(name: str, component: str) -> type[Any]:
    """`torch.optim.<name>`, free of its detour through torch's compiler.

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
