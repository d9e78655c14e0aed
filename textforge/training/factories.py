"""Build the components of a trainer from facts, and name them in error messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from textforge.classifiers.ownership import copied_module
from textforge.components.facts import call_with_facts
from textforge.components.part import Part, part_name, parts_of, plugin_errors
from textforge.errors import ComponentError
from textforge.training.budget import Budget

Factory = Callable[..., Any]
Loss = Callable[..., torch.Tensor]
"""Computes the mean loss from logits, float32 (n, n_classes), and targets, int64 (n,) or float32 0/1 (n, n_classes).

If it has a parameter `weights`, float32 (n,) or None, it multiplies the loss of each text by its weight. If it has a
parameter `epoch`, it gets the number of the epoch, from 1.
"""


@dataclass(frozen=True)
class UpdateRule:
    """How a batch changes the weights of a module."""

    optimizer: Optimizer
    scheduler: Any
    """None for a constant learning rate."""
    loss: Loss | None
    """None for the plain loss."""

    @property
    def follows_metric(self) -> bool:
        """Whether the scheduler needs the monitored validation metric."""
        return isinstance(self.scheduler, ReduceLROnPlateau)


_WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "model": (lambda one: isinstance(one, nn.Module), "a torch.nn.Module"),
    "optimizer": (lambda one: isinstance(one, Optimizer), "a torch.optim.Optimizer"),
    "scheduler": (
        lambda one: callable(getattr(one, "step", None)) and not isinstance(one, Optimizer),
        "a torch.optim.lr_scheduler.LRScheduler",
    ),
    "loss": (callable, "a callable (logits, targets) -> loss"),
}
"""What a factory of each kind must return: the check, and the words for it."""


@dataclass(frozen=True)
class _PlainFactory:
    """A factory given in code, which is called as a `Part` is."""

    kind: str
    factory: Factory

    @property
    def takes_sparse_gradients(self) -> bool:
        return getattr(self.factory, "sparse_gradients", False) is True

    @property
    def needs_closure(self) -> Any:
        return getattr(self.factory, "needs_closure", False)

    @property
    def whole_batch(self) -> bool:
        return getattr(self.factory, "whole_batch", False) is True

    def build(self, facts: Mapping[str, Any]) -> Any:
        with plugin_errors(f"the {self.kind}", "being called"):
            return call_with_facts(self.factory, facts)


class Factories:
    """Builds the components of a training.

    Args:
        given: maps each kind to a `Part`, to a factory that takes facts by name, or to None. A module that a factory
            returns is copied, because it may return the same one to several trainers.

    Raises:
        RecipeError: a part has another kind than its key.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.parts: dict[str, Part] = parts_of(given)
        plain = {kind: _PlainFactory(kind, one) for kind, one in given.items() if one is not None}
        self._factories: dict[str, Part | _PlainFactory] = {**plain, **self.parts}
        self._fits_itself = getattr(given["model"], "fits_itself", False) is True  # of a part, or of a factory

    def __contains__(self, kind: str) -> bool:
        """Whether a component of a kind was given."""
        return kind in self._factories

    def name(self, kind: str) -> str:
        """The name of the component of a kind in messages."""
        return part_name(self.parts.get(kind), f"the {kind}")

    def calling(self, kind: str, doing: str) -> AbstractContextManager[None]:
        """Name the component of a kind in what it raises inside the `with` block."""
        return plugin_errors(self.name(kind), doing)

    @property
    def sparse_gradients(self) -> bool:
        """Whether the optimizer takes sparse gradients."""
        return self._factories["optimizer"].takes_sparse_gradients

    @property
    def needs_closure(self) -> Any:
        """What the optimizer's factory declares about a closure."""
        return self._factories["optimizer"].needs_closure

    @property
    def whole_batch(self) -> bool:
        """Whether the loss compares the texts of a batch with each other."""
        return self._factories["loss"].whole_batch

    @property
    def fits_itself(self) -> bool:
        """Whether the model is fitted in one call to its `fit`, without an optimizer."""
        return self._fits_itself

    def module(self, facts: Mapping[str, Any]) -> nn.Module:
        """Build the model.

        Raises:
            ComponentError: the factory raised, or returned something else.
        """
        module: nn.Module = self._built("model", facts)
        return module

    def copied(self, module: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Copy a module that `module` built from these facts.

        Raises:
            ComponentError: the module cannot be copied, and its factory returns it a second time.
        """
        return copied_module(module, partial(self._built, "model", facts), self.name("model"))

    def update_rule(self, module: nn.Module, facts: Mapping[str, Any], budget: Budget) -> UpdateRule:
        """Build the optimizer, and the scheduler and the loss where they were given.

        Args:
            module: on its device.
            facts: of the loss (see `LOSS_FACTS`); weighted: whether texts have weights; and monitor_mode: 'min' or
                'max'.
            budget: how long the training is.

        Raises:
            ComponentError: a factory raised, or returned something else, or the module has no parameters.
        """
        with self.calling("model", "giving its parameters"):
            params = [*module.parameters()]
        if not params:
            advice = "If it fits itself, set fits_itself = True on its factory."
            raise ComponentError(f"{self.name('model')} has no parameters to train. {advice}")
        optimizer = self._built("optimizer", {"params": params, "module": module})
        scheduler = loss = None
        if "scheduler" in self:
            steps = {"total_steps": budget.updates, "steps_per_epoch": budget.updates_per_epoch}
            known = {"optimizer": optimizer, **steps, "monitor_mode": facts["monitor_mode"]}
            scheduler = self._built("scheduler", known)
        if "loss" in self:
            loss = self._built("loss", facts)
            with self.calling("loss", "being put on its device"):
                loss = loss.to(params[0].device) if isinstance(loss, nn.Module) else loss
        self._refuse_other_weights(optimizer, params)
        return UpdateRule(optimizer, scheduler, loss)

    def _refuse_other_weights(self, optimizer: Optimizer, params: list[nn.Parameter]) -> None:
        known = {id(one) for one in params}
        if any(id(one) not in known for group in optimizer.param_groups for one in group["params"]):
            raise ComponentError(
                f"{self.name('optimizer')} holds weights that are not those of the module that is trained. "
                "Make it from the fact params or module, as in lambda params: torch.optim.Adam(params)."
            )

    def _built(self, kind: str, facts: Mapping[str, Any]) -> Any:
        """Build the component of a kind for one training.

        Raises:
            ComponentError: the factory raised, or returned something else.
        """
        found = self._build(kind, facts)
        if isinstance(found, nn.Module) and kind not in self.parts:
            return copied_module(found, partial(self._build, kind, facts), self.name(kind))
        return found

    def _build(self, kind: str, facts: Mapping[str, Any]) -> Any:
        found, (fits, wanted) = self._factories[kind].build(facts), _WANTED[kind]
        if not fits(found):
            raise ComponentError(f"{self.name(kind)} returned a {type(found).__name__}, not {wanted}.")
        return found
