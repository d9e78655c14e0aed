"""Build the components of a trainer from facts, and name them in error messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textforge.components.options import call_with_facts
from textforge.components.part import Part, part_name, parts_of, plugin_errors
from textforge.errors import ComponentError

Factory = Callable[..., Any]


class Factories:
    """Builds the components of a training.

    Args:
        given: maps each kind to a `Part`, to a factory that takes facts by name, or to None.

    Raises:
        RecipeError: a part has another kind than its key.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = dict(given)
        self.parts = parts_of(given)

    def __contains__(self, kind: str) -> bool:
        return self._given[kind] is not None

    def name(self, kind: str) -> str:
        """The name of the component of a kind in messages."""
        return part_name(self.parts.get(kind), f"the {kind}")

    def build(self, kind: str, facts: Mapping[str, Any]) -> Any:
        """Build the component of a kind from the facts.

        Raises:
            ComponentError: the factory raised an exception.
        """
        factory = self._given[kind]
        if isinstance(factory, Part):
            return factory.build(facts)
        with plugin_errors(self.name(kind), "being called"):
            return call_with_facts(factory, facts)

    def build_as(self, kind: str, facts: Mapping[str, Any], fits: Callable[[Any], bool], wanted: str) -> Any:
        """Do the same as `build`, and validate the type of the result.

        Args:
            kind, facts: as for `build`.
            fits: returns whether a result has the right type.
            wanted: the right type, for the message.

        Raises:
            ComponentError: the factory raised an exception, or returned another type.
        """
        found = self.build(kind, facts)
        if not fits(found):
            raise ComponentError(f"{self.name(kind)} returned a {type(found).__name__}, not {wanted}.")
        return found

    @property
    def sparse_gradients(self) -> bool:
        """Whether the optimizer takes sparse gradients."""
        optimizer = self._given["optimizer"]
        if isinstance(optimizer, Part):
            return optimizer.takes_sparse_gradients
        return getattr(optimizer, "sparse_gradients", False) is True
