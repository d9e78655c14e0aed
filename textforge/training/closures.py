"""Closures: several forward and backward passes over the batches of one update, for the optimizers that need them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from textforge.errors import ComponentError, listed
from textforge.features.batch import Batch
from textforge.training.batch_sources import Targets

NeedsClosure = bool | Literal["after_gradients"]
"""Whether the step of an optimizer needs a closure.

True: it gets all gradients from the closure, as L-BFGS does. 'after_gradients': it finds gradients when it is called,
and gets further ones from the closure, as SAM does.
"""

_Held = tuple[Batch, Targets, float]
"""A batch, its targets, and its share of the update's texts."""


def closure_needed(optimizer: Optimizer, declared: Any, who: str) -> NeedsClosure:
    """Whether an optimizer's step needs a closure: its factory declares it, or `closure` has no default in its `step`.

    Args:
        optimizer: the optimizer.
        declared: the attribute `needs_closure` of its factory.
        who: its name in messages.

    Raises:
        ComponentError: the step needs other arguments, or the attribute has another value.
    """
    if declared not in (True, False, "after_gradients"):
        raise ComponentError(
            f"{who}: its attribute needs_closure is {declared!r}. Set it to True, or to 'after_gradients' if the step "
            "needs gradients when it is called and further ones from the closure."
        )
    required = required_arguments(optimizer)
    if others := required[1:] if declared else [name for name in required if name != "closure"]:
        raise ComponentError(
            f"{who}: its step() needs the arguments {listed(others)}. textforge calls step(), or step(closure) if "
            "`closure` has no default or its factory has the attribute needs_closure."
        )
    found: NeedsClosure = declared or bool(required)
    return found


def required_arguments(optimizer: Optimizer) -> list[str]:
    """Names of the arguments without default of an optimizer's step."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in _arguments(optimizer) if one.default is one.empty and one.kind not in variable]


def takes_closure(optimizer: Optimizer) -> bool:
    """Whether an optimizer's step has an argument, which is its closure."""
    return bool(_arguments(optimizer))


def _arguments(optimizer: Optimizer) -> list[inspect.Parameter]:
    # that of the class, since a scheduler replaces the object's own
    _, *arguments = inspect.signature(type(optimizer).step).parameters.values()
    return arguments


class Passes:
    """The closure of an optimizer: each call repeats the passes over the batches of an update.

    Every pass begins with the random state and the module's buffers of the first one. So dropout masks are the same in
    all of them, and the loss is one function of the weights, as a line search or a second look from nearby weights
    assumes. Random state and buffers then continue as after a single pass.

    Args:
        module: the module in training.
        gradients: adds the gradients of a batch, weighted by its share, and returns its mean loss, shape ().
        needed: what the optimizer needs.
        before: clears the gradients before a pass.
        after: adds up the gradients of all processes and clips them after a pass.
        total: the sum of a process's part of a loss over all processes.
    """

    def __init__(
        self,
        module: nn.Module,
        gradients: Callable[[Batch, Targets, float], torch.Tensor],
        needed: NeedsClosure,
        *,
        before: Callable[[], None],
        after: Callable[[], None],
        total: Callable[[torch.Tensor], torch.Tensor] = lambda loss: loss,
    ) -> None:
        self._total = total
        self._module, self._gradients, self._before, self._after = module, gradients, before, after
        self.after_gradients: bool = needed == "after_gradients"
        """Whether the optimizer's step is called with gradients already computed."""
        self._held: list[_Held] = []
        self._start: dict[str, Any] | None = None
        self.losses: list[torch.Tensor] = []
        """The mean loss of each batch in the first call for this update; empty before it."""

    def begin(self) -> None:
        """Begin an update at the current random state and buffers."""
        self.release()
        device = next(self._module.parameters()).device
        self._start = {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "buffers": {name: buffer.clone() for name, buffer in self._module.named_buffers()},
        }

    def hold(self, batch: Batch, targets: Targets, share: float) -> None:
        """Add a batch to the update."""
        self._held.append((batch, targets, share))

    def release(self) -> None:
        """Forget the batches of an update that is done, or that is gone through again."""
        self._held, self.losses = [], []

    def step(self, optimizer: Optimizer, who: str) -> None:
        """Let an optimizer take its step, and forget the batches.

        Raises:
            ComponentError: its step never called the closure, from which alone it gets gradients.
        """
        optimizer.step(self)  # type: ignore[arg-type]  # torch documents a loss
        if not self.losses and not self.after_gradients:
            raise ComponentError(
                f"{who} needs a closure, but its step did not call it, so there are no gradients. Call closure() in "
                "step(), or remove the attribute needs_closure."
            )
        self._held = []

    def __call__(self) -> torch.Tensor:
        """Compute the gradients of the update at the current weights and return its mean loss, shape ()."""
        self._rewind()
        self._before()
        with torch.enable_grad():
            losses = [self._gradients(*one) for one in self._held]
        self._after()
        self.losses = self.losses or losses
        parts = [loss * share for loss, (*_, share) in zip(losses, self._held, strict=True)]
        return self._total(torch.stack(parts).sum())

    def _rewind(self) -> None:
        assert self._start is not None
        torch.set_rng_state(self._start["cpu"])
        if self._start["cuda"] is not None:
            torch.cuda.set_rng_state(self._start["cuda"], next(self._module.parameters()).device)
        with torch.no_grad():
            for name, buffer in self._module.named_buffers():
                buffer.copy_(self._start["buffers"][name])

    def state(self) -> dict[str, Any]:
        """Random state and buffers at the beginning of the update, which is not done yet."""
        assert self._start is not None
        return {**self._start, "buffers": {name: value.clone() for name, value in self._start["buffers"].items()}}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue within an update from a state that `state` returned; its batches so far are to be held again."""
        buffers = {name: value.clone() for name, value in state["buffers"].items()}
        devices = {name: buffer.device for name, buffer in self._module.named_buffers()}
        self._start = {**state, "buffers": {name: value.to(devices[name]) for name, value in buffers.items()}}
