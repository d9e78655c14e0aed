"""Options of a recipe that a plugin has renamed since: translate them, and say what to write."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from textforge.components.component import Component
from textforge.components.upgrades import with_current_names
from textforge.errors import Mistake, Place, cut
from textforge.recipes.document import Node


@dataclass
class Renamed:
    """The options of a section by their current names."""

    options: dict[str, Node]
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def with_renamed(component: Component, options: dict[str, Node], layer: Callable[[Place], int]) -> Renamed:
    """Translate the options of a section, each with its place, if one of them is unknown.

    If an option is set by its old and by its new name, the one of the higher layer wins: an override over the recipe,
    the recipe over those that it extends. In the same layer it is a mistake.

    Args:
        component: the component of the section.
        options: option name to node.
        layer: the rank of a place.

    Raises:
        ComponentError: the component's `upgrade_options` failed.
    """
    before = {name: node.plain() for name, node in options.items()}
    after = with_current_names(component, before)
    old = [name for name in before if name not in after]
    if not old:
        return Renamed(options)
    first = options[old[0]]
    twice = [name for name in after if name in before and name in _translated(component, before, name)]
    new = [name for name in after if name not in before or name in twice]
    found = Renamed({})
    for name, value in after.items():
        source = next((one for one in old if before[one] == value), None)
        if name not in new:
            found.options[name] = options[name] if before[name] == value else _at(value, options[name])
        else:
            found.options[name] = options[source] if source else _at(value, first)
    for name in twice:
        own, theirs = layer(options[name].place), max(layer(options[one].place) for one in old)
        if own > theirs:
            found.options[name] = options[name]
        elif own == theirs:
            message = (
                f"{component.label}: '{old[0]}' has been renamed to '{name}', and both are set. Remove '{old[0]}'."
            )
            found.mistakes.append(Mistake(message, first.key_place or first.place))
    for one in old:
        same = [name for name in new if after[name] == before[one]]
        written = ", ".join(f"{name}: {_shown(after[name])}" for name in (same if len(same) == 1 else new))
        advice = f"has been renamed. Write '{written}'" if written else "has no effect any more. Remove it"
        place = options[one].key_place or options[one].place
        found.warnings.append(f"{place}: {component.label}: the option '{one}' {advice}.")
    return found


def _translated(component: Component, before: dict[str, Any], name: str) -> dict[str, Any]:
    """The translated options if `name` were not set: it is among them if another option has been renamed to it."""
    return with_current_names(component, {key: value for key, value in before.items() if key != name})


def _shown(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False), 200)


def _at(value: Any, node: Node) -> Node:
    """Nodes of a plain value, all at the place of another node."""
    inner: Any = value
    if isinstance(value, dict):
        inner = {str(key): _at(item, node) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        inner = [_at(item, node) for item in value]
    return Node(inner, node.place, node.key_place)
