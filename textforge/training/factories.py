"""The factories or parts that a trainer was given, by kind: built from facts, and named in error messages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from textforge.classifiers.random_state import RandomState
from textforge.components.options import call_with_facts
from textforge.components.part import Part, part_name, parts_of, plugin_errors
from textforge.errors import ComponentError

Factory = Callable[..., Any]


class Factories:
    """Builds the components of a training.

    Args:
        given: kind to a `Part`, to a factory that takes facts by name, or to None.

    Raises:
        RecipeError: a part stands in the place of another kind.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = dict(given)
        self.parts = parts_of(given)

    def __contains__(self, kind: str) -> bool:
        return self._given[kind] is not None

    def name(self, kind: str) -> str:
        """How messages call the component of a kind."""
        return part_name(self.parts.get(kind), f"the {kind}")

    def build(self, kind: str, facts: Mapping[str, Any]) -> Any:
        """What the component of a kind makes of the facts.

        Raises:
            ComponentError: it raised.
        """
        factory = self._given[kind]
        if isinstance(factory, Part):
            return factory.build(facts)
        with plugin_errors(self.name(kind), "being called"):
            return call_with_facts(factory, facts)

    def build_as(self, kind: str, facts: Mapping[str, Any], fits: Callable[[Any], bool], wanted: str) -> Any:
        """As `build`, for a result that must fit.

        Args:
            kind, facts: as for `build`.
            fits: whether a result is of the right type.
            wanted: the right type, for the message.

        Raises:
            ComponentError: the component raised, or returned something else.
        """
        found = self.build(kind, facts)
        if not fits(found):
            raise ComponentError(f"{self.name(kind)} returned a {type(found).__name__}, not {wanted}.")
        return found

    def copied(self, kind: str, module: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Return a copy of a module that the component of this kind built from these facts.

        Raises:
            ComponentError: the module cannot be copied, and its factory returns it a second time.
        """
        try:
            return copy.deepcopy(module)
        except RuntimeError:  # torch copies no tensor that was computed, such as an activation that a module keeps
            device = next((tensor.device for tensor in module.state_dict().values()), torch.device("cpu"))
            with RandomState(0, device).active():  # the weights drawn are replaced
                again: nn.Module = self.build(kind, facts).to(device)
            if again is module:
                raise ComponentError(
                    f"{self.name(kind)} cannot be copied: it keeps a computed tensor, and its factory "
                    "returned it a second time. Let the factory make a new module at each call."
                ) from None
            again.load_state_dict(module.state_dict())
            return again

    @property
    def sparse_gradients(self) -> bool:
        """Whether the optimizer takes sparse gradients."""
        optimizer = self._given["optimizer"]
        if isinstance(optimizer, Part):
            return optimizer.takes_sparse_gradients
        return getattr(optimizer, "sparse_gradients", False) is True
