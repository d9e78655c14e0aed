"""Call the hooks of a plugin, and validate what they return."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from textforge.components import hookspecs
from textforge.components.api_version import api_mismatch
from textforge.components.component import Component, Origin
from textforge.components.kinds import COMMAND, KINDS, OUTSIDE_RECIPES, Kind
from textforge.components.options import try_call
from textforge.errors import did_you_mean, listed

HOOKED = (*KINDS.values(), *OUTSIDE_RECIPES)
"""The kinds of components that have a hook."""


@dataclass
class Offered:
    """The valid components of a plugin, and why the rest of it cannot be used."""

    components: list[Component] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class HookReader:
    """Reads plugins through pluggy, which matches their hooks with the specification."""

    def __init__(self) -> None:
        import pluggy

        self._pluggy = pluggy.PluginManager(hookspecs.GROUP)
        self._pluggy.add_hookspecs(hookspecs)

    def read(self, plugin: Any, name: str, origin: Origin) -> Offered:
        """Call the hooks of a plugin. Nothing that the plugin raises or returns is raised here.

        Args:
            plugin: a module, class instance or namespace with hook implementations.
            name: name of its entry point, or of the plugin registered in code.
            origin: the distribution that it comes from.
        """
        offered = Offered()
        reason, error = try_call(api_mismatch, plugin, origin.distribution)
        if error or reason:
            offered.reasons = [reason or f"its API number cannot be read: {type(error).__name__}: {error}"]
            return offered
        # Two distributions may use the same entry-point name, so the registered name adds the origin.
        registered, error = try_call(self._pluggy.register, plugin, f"{name} ({origin}, {id(plugin):x})")
        if error:
            again = "already registered" in str(error)
            why = "the same object is already registered." if again else (str(error).strip().splitlines() or [""])[-1]
            offered.reasons = [why if again else f"does not fit the hooks: {why}"]
            return offered
        specified = [kind.hook for kind in HOOKED]
        for hook in self._implemented(plugin):
            if hook not in specified:
                meant = did_you_mean(hook, specified)
                offered.reasons.append(f"no hook '{hook}'. Hooks: {listed(specified)}.{meant}")
        if registered is None or not any(self._pluggy.get_hookcallers(plugin) or ()):
            offered.reasons.append("implements no hook. Mark its functions with @textforge.hookimpl.")
        for kind in HOOKED:
            for implementation in getattr(self._pluggy.hook, kind.hook).get_hookimpls():
                if implementation.plugin is not plugin:
                    continue
                returned, error = try_call(_copied, implementation.function)
                if error:
                    offered.reasons.append(f"{kind.hook} raised {type(error).__name__}: {error}")
                    continue
                components, wrong = components_of(kind, returned, origin, name)
                offered.components += components
                offered.reasons += [f"{kind.hook} {reason}" for reason in wrong]
        return offered

    def _implemented(self, plugin: Any) -> list[str]:
        """The names of all hooks that a plugin implements, including unknown ones."""
        marked = {name: self._pluggy.parse_hookimpl_opts(plugin, name) for name in dir(plugin)}
        return [settings.get("specname") or name for name, settings in marked.items() if settings]


def components_of(kind: Kind, returned: Any, origin: Origin, plugin: str) -> tuple[list[Component], list[str]]:
    """The valid components that a hook returned, and a message for each of the others."""
    if not isinstance(returned, dict):
        return [], [f"returned a {type(returned).__name__}, not a dict of names to factories."]
    found, wrong = [], []
    for name, target in returned.items():
        if not is_name(name):
            wrong.append(f"returned the name {name!r}; a name is letters, digits, '_', '-', '.' and '+'.")
            continue
        if not callable(target) and not (isinstance(target, str) and is_reference(target)):
            wrong.append(f"gave {target!r} for '{name}': neither a factory nor a string 'package.module:attribute'.")
            continue
        component = Component(kind, name, target, origin, plugin)
        if callable(target) and kind is not COMMAND:  # a string is imported and read on first use
            _, error = try_call(getattr, component, "options")
            if error:
                wrong.append(f"gave a factory that cannot be used: {error}")
                continue
        found.append(component)
    return found, wrong


def is_name(name: Any) -> bool:
    """Whether this can be the name of a component."""
    return isinstance(name, str) and re.fullmatch(r"\w[\w.+-]*", name) is not None


def is_reference(text: str) -> bool:
    """Whether this has the form 'package.module:attribute'."""
    module, colon, attribute = text.partition(":")
    return bool(colon) and attribute.isidentifier() and all(p.isidentifier() for p in module.split("."))


def _copied(hook: Callable[[], Any]) -> Any:
    """Call a hook; copy a mapping to a dict, so that later lookups run no plugin code."""
    returned = hook()
    return dict(returned) if isinstance(returned, Mapping) else returned
