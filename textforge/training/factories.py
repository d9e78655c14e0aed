"""The factories or parts that a trainer was given, by kind: built from facts, and named in error messages."""

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

    @property
    def sparse_gradients(self) -> bool:
        """Whether the optimizer takes sparse gradients."""
        optimizer = self._given["optimizer"]
        if isinstance(optimizer, Part):
            return optimizer.takes_sparse_gradients
        return getattr(optimizer, "sparse_gradients", False) is True
