"""Go on with the state of an optimizer: exactly as it was, or after weights have got rows or columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from textforge.classifiers.ownership import copied_state
from textforge.training.closures import takes_closure
from textforge.training.modes import Modes


def load_exactly(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Load the state of an optimizer, and give its tensors the types that they had.

    torch's `load_state_dict` converts floating-point state to the type of the parameter. Averages that an optimizer
    keeps in float64, or in bfloat16 to save memory, would then not continue as they were.

    Args:
        optimizer: its state is replaced.
        state: the `state_dict()` of an optimizer of the same kind and parameters. It is kept, not copied.
    """
    state["state"] = {int(key): value for key, value in state["state"].items()}  # JSON has text as keys
    optimizer.load_state_dict(state)
    for number, parameter in enumerate(_parameters(optimizer)):
        own = getattr(optimizer, "state", {}).get(parameter, {})
        for name, saved in state["state"].get(number, {}).items():
            loaded = own.get(name)
            if isinstance(saved, torch.Tensor) and isinstance(loaded, torch.Tensor) and loaded.dtype != saved.dtype:
                own[name] = saved.to(loaded.device, copy=True)


def continue_optimizer(optimizer: Optimizer, module: nn.Module, state: Mapping[str, Any]) -> None:
    """Load the state of an optimizer of the same kind into a new one, whose module may have larger weights.

    Known rows and columns go on as they were, new ones as those of a new optimizer, as the weights themselves do. The
    state of a weight that has another shape altogether begins anew.

    Args:
        optimizer: the new one, before its first step. Its state is replaced.
        module: the module whose parameters it holds. Its weights stay as they are.
        state: the `state_dict()` of the earlier optimizer. It is copied.
    """
    old, fresh = copied_state(state), _fresh_state(optimizer, module)
    sizes = [[len(group["params"]) for group in one["param_groups"]] for one in (optimizer.state_dict(), old)]
    if sizes[0] == sizes[1]:  # else they are of different models
        parameters = _parameters(optimizer)
        total = sum(one.numel() for one in parameters)
        merged = {
            number: _merged(each, fresh.get(number, {}), parameters[number], total)
            for number, each in old["state"].items()
        }
        optimizer.load_state_dict({**old, "state": merged})


def _parameters(optimizer: Optimizer) -> list[torch.Tensor]:
    """The parameters in the order in which a state counts them."""
    return [one for group in optimizer.param_groups for one in group["params"]]


def _fresh_state(optimizer: Optimizer, module: nn.Module) -> dict[int, dict[str, Any]]:
    """The state of a new optimizer after a step without a gradient, which changes no weight here."""
    sparse = {id(layer.weight) for layer in module.modules() if getattr(layer, "sparse", False) is True}
    parameters, modes = _parameters(optimizer), Modes(optimizer, module, "the optimizer")
    before, began = [one.detach().clone() for one in parameters], copied_state(optimizer.state_dict())
    for one in parameters:
        one.grad = torch.zeros_like(one)
        if id(one) in sparse:
            rows = torch.zeros((1, 0), dtype=torch.int64, device=one.device)
            one.grad = torch.sparse_coo_tensor(
                rows, one.new_zeros((0, *one.shape[1:])), one.shape, check_invariants=False
            )
    modes.switch(training=True)
    arguments = [lambda: torch.zeros(())] if takes_closure(optimizer) else []  # the gradients are there already
    optimizer.step(*arguments)  # type: ignore[arg-type]  # torch documents a loss
    modes.switch(training=False)
    found: dict[int, dict[str, Any]] = copied_state(optimizer.state_dict())["state"]
    with torch.no_grad():
        for one, weights in zip(parameters, before, strict=True):
            one.copy_(weights)
            one.grad = None
    optimizer.load_state_dict(began)
    return found


def _merged(old: Mapping[str, Any], fresh: Mapping[str, Any], parameter: torch.Tensor, total: int) -> dict[str, Any]:
    """The old state of a parameter, with fresh values where a tensor has grown; all fresh if one does not fit.

    A tensor that a new optimizer lacks fits if it has the parameter's shape, or one number, or, as L-BFGS keeps them,
    one number for each weight of all parameters, of which there are `total`.
    """
    found = dict(old)
    for name, value in old.items():
        new = fresh.get(name)
        if not isinstance(value, torch.Tensor) or (isinstance(new, torch.Tensor) and value.shape == new.shape):
            continue
        if not isinstance(new, torch.Tensor):
            if value.shape != parameter.shape and value.numel() not in (1, total):
                return dict(fresh)
            continue
        if value.dim() != new.dim() or any(one > other for one, other in zip(value.shape, new.shape, strict=True)):
            return dict(fresh)
        grown = new.clone()
        grown[tuple(slice(0, size) for size in value.shape)] = value
        found[name] = grown
    return found
