"""torch's optimizers without the detour through its compiler."""

from typing import Any

DECORATED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def undecorated(optimizer: type[Any]) -> type[Any]:
    """A subclass that computes the same, without importing `torch._dynamo` at its first use.

    torch decorates these methods for torch.compile, which is not used here; the import that the
    decorator makes costs 1.3 s and 100 MB. Where a torch has no such decorator nothing changes.
    """
    import torch

    methods = {name: getattr(getattr(optimizer, name), "__wrapped__", getattr(optimizer, name)) for name in DECORATED}
    step = getattr(optimizer.step, "__wrapped__", optimizer.step)
    return type(optimizer.__name__, (optimizer,), {**methods, "step": torch.no_grad()(step)})
