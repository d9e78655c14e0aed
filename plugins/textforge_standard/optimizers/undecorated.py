"""torch's optimizers without the decorators for its compiler."""

from collections.abc import Callable
from typing import Any

DECORATED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def undecorated(optimizer: type[Any]) -> Callable[..., Any]:
    """A subclass with the same behaviour that does not import `torch._dynamo` at first use.

    torch decorates these methods for torch.compile, which textforge does not use; the decorator's import costs 1.3 s
    and 100 MB. A version of torch without the decorator is left unchanged.
    """
    import torch

    methods = {name: getattr(getattr(optimizer, name), "__wrapped__", getattr(optimizer, name)) for name in DECORATED}
    step = getattr(optimizer.step, "__wrapped__", optimizer.step)
    return type(optimizer.__name__, (optimizer,), {**methods, "step": torch.no_grad()(step)})
