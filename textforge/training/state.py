"""Parts of a training's state: the position in an epoch, gradients that wait for an update, and plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from textforge.errors import ComponentError, RecipeError, cut


class EpochProgress:
    """What is done of an epoch, as of the end of its last step.

    Args:
        number: the number of the epoch, from 1.
        device: where losses are added up, in float64.
    """

    def __init__(self, number: int, device: torch.device) -> None:
        self.number: int = number
        self.step: int = 0
        self.n_texts: int = 0
        self.seconds: float = 0.0
        self._total = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, loss: torch.Tensor, n_texts: int) -> None:
        """Count a step: the mean loss of its texts, shape (), and their number."""
        self._total += loss.double() * n_texts
        self.step += 1
        self.n_texts += n_texts

    def mean_loss(self) -> float:
        """The mean loss of the texts so far."""
        return float(self._total) / self.n_texts

    def state(self) -> dict[str, Any]:
        """The position as plain values; the sum of the losses is exact."""
        return {
            "epoch": self.number,
            "step": self.step,
            "n_texts": self.n_texts,
            "seconds": self.seconds,
            "loss_sum": self._total.clone(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], device: torch.device) -> EpochProgress:
        """The position that `state` returned."""
        progress = cls(state["epoch"], device)
        progress.step, progress.n_texts, progress.seconds = state["step"], state["n_texts"], state["seconds"]
        progress._total.copy_(state["loss_sum"])
        return progress


def gradients_of(module: nn.Module) -> dict[str, Any]:
    """Copy the gradients of a module by the names of its parameters; a sparse one as a dict of dense tensors."""
    found: dict[str, Any] = {}
    for name, parameter in module.named_parameters():
        gradient = parameter.grad
        if gradient is not None and gradient.is_sparse:
            found[name] = {
                "indices": gradient._indices().clone(),
                "values": gradient._values().clone(),
                "coalesced": gradient.is_coalesced(),
            }
        elif gradient is not None:
            found[name] = gradient.detach().clone()
    return found


def load_gradients(module: nn.Module, gradients: Mapping[str, Any]) -> None:
    """Give a module the gradients that `gradients_of` returned, and no others."""
    for name, parameter in module.named_parameters():
        given = gradients.get(name)
        if isinstance(given, Mapping):
            indices, values = (given[key].to(parameter.device, copy=True) for key in ("indices", "values"))
            gradient = torch.sparse_coo_tensor(indices, values, parameter.shape, check_invariants=False)
            parameter.grad = gradient._coalesced_(given["coalesced"])
        else:
            parameter.grad = None if given is None else given.to(parameter.device, copy=True)


def refuse_other_state(state: Any, own: Mapping[str, Any]) -> None:
    """Refuse the state of another training before anything of it is loaded.

    Args:
        state: what the caller gave.
        own: the state of the trainer that is to continue from it.

    Raises:
        RecipeError: the state is of another training; the message names the first difference.
    """
    if not isinstance(state, Mapping) or own.keys() - state.keys():
        raise RecipeError("load_state_dict: expected what Trainer.state_dict() returned.")
    saved, wanted = state["of"], own["of"]
    for name in wanted:
        if saved.get(name) != wanted[name]:
            raise RecipeError(
                f"load_state_dict: the state is of a training with another {name}: {cut(repr(saved.get(name)))} "
                f"there, {cut(repr(wanted[name]))} here. Give the trainer the same data, components and settings."
            )
    for name in ("module", "optimizer", "scheduler", "loss", "averaged"):
        if _form(state.get(name)) != _form(own.get(name)):
            raise RecipeError(
                f"load_state_dict: the state is of a training with another {name}. "
                "Give the trainer the same data, components and settings."
            )


def _form(part: Any) -> Any:
    """What two states of the same component have in common: whether there is one, and names, shapes or group sizes."""
    if isinstance(part, Mapping) and "param_groups" in part:  # of an optimizer, whose other state grows with its steps
        return [len(group["params"]) for group in part["param_groups"]]
    if isinstance(part, Mapping):
        return {name: tuple(value.shape) if isinstance(value, torch.Tensor) else None for name, value in part.items()}
    return part is None


def refuse_other_than_plain(value: Any, where: str) -> None:
    """Refuse a state that holds anything besides tensors and plain values, which a file could not hold without code.

    Raises:
        ComponentError: a value is no tensor, number, text, bool, None, or list, tuple or dict of such.
    """
    if value is None or isinstance(value, (torch.Tensor, bool, int, float, str)):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, (str, int)):
                raise ComponentError(f"state_dict: {where} has the key {key!r}, a {type(key).__name__}.")
            refuse_other_than_plain(item, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for n, item in enumerate(value):
            refuse_other_than_plain(item, f"{where}[{n}]")
    else:
        raise ComponentError(
            f"state_dict: {where} is a {type(value).__name__}, neither a tensor nor a number, text, list or dict. "
            "A state holds no other objects, so that it can be stored without code."
        )
