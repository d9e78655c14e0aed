"""Where another process can import a component or a function from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from textforge.components.component import IN_CODE, Component
from textforge.components.kinds import KINDS, OUTSIDE_RECIPES
from textforge.testing.checks import Skipped

ALL_KINDS = {**KINDS, **{kind.name: kind for kind in OUTSIDE_RECIPES}}


def component_location(component: Component) -> dict[str, Any]:
    """Describe in plain values where a component can be imported from.

    Raises:
        Skipped: another process could not import it.
    """
    target = component.target if isinstance(component.target, str) else location(component.factory)
    return {"kind": component.kind.name, "name": component.name, "target": target}


def import_component(described: Mapping[str, Any]) -> Component:
    """Import the component that `component_location` describes."""
    return Component(ALL_KINDS[described["kind"]], described["name"], import_object(described["target"]), IN_CODE)


def location(target: Any) -> str:
    """The location of an object, as `module:name`.

    Raises:
        Skipped: another process could not import it.
    """
    module, name = getattr(target, "__module__", None), getattr(target, "__qualname__", "")
    if not name:  # an instance, such as a click.Command: find its name in its module
        module = getattr(getattr(target, "callback", None), "__module__", None)
        own = vars(sys.modules[module]) if module in sys.modules else {}
        name = next((key for key, value in own.items() if value is target), "")
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not target or module == "__main__":
        raise Skipped("no other process could import it: define it at the top of a module, under its own name.")
    return f"{module}:{name}"


def import_object(reference: str) -> Any:
    """Import the object at `module:name`."""
    module, _, name = reference.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
