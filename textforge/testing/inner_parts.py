"""The kit's own inner parts, with which components that take other parts are checked."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from textforge.components.component import Component
from textforge.components.manager import PluginManager
from textforge.components.nested import PartOf, holds_parts
from textforge.components.part import Part

OWN = {
    "vectorizer": "probe-bag",
    "model": "probe-model",
    "optimizer": "probe-adam",
    "loss": "probe-loss",
    "metric": "probe-metric",
    "preprocessor": "probe-preprocessor",
}
"""The name of the kit's own part, for each kind that has one."""


def with_inner_parts(component: Component, options: Mapping[str, Any]) -> dict[str, Any]:
    """Fill required part options that are not given with the kit's own parts."""
    found = dict(options)
    for name, annotation in component.options.part_options.items():
        if name not in found and component.options.fields[name].required:
            made = _made(annotation)
            if made is not None:
                found[name] = made
    return found


def _made(annotation: Any) -> Any:
    """A value for an option whose type is or contains a part; None if the kit has no part of that kind."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        kinds = [mark.kind for mark in arguments[1:] if isinstance(mark, PartOf)]
        return OWN.get(kinds[0]) if kinds else _made(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return next((_made(member) for member in arguments if holds_parts(member)), None)
    if not isinstance(origin, type):
        return None
    if issubclass(origin, Mapping):
        made = _made(arguments[1])
        return None if made is None else {"first": made, "second": made}
    if issubclass(origin, Sequence):
        made = _made(arguments[0])
        return None if made is None else [made, made]
    return None


def every_component(part: Part) -> dict[tuple[str, str], Component]:
    """The components of a part and of all parts within it, by kind and name."""
    found = {(part.component.kind.name, part.component.name): part.component}
    for _, inner in part.parts:
        found |= every_component(inner)
    return found


def lookup(plugins: PluginManager | None) -> PluginManager:
    """A copy of the plugin manager that also knows the kit's own parts."""
    import copy

    from textforge.testing import probes

    manager = copy.deepcopy(plugins) if plugins is not None else PluginManager()
    if "probe-bag" not in manager.names("vectorizer"):
        manager.register(probes.Probes())
    return manager


def unmet(part: Part, known: Sequence[str]) -> list[str]:
    """The facts needed by a part, or by a part of the same kind within it, that are not in `known`."""
    return [fact for _, fact in part.unmet_facts(known)]
