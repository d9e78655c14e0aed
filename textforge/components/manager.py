"""Find plugins through entry points, keep broken ones apart, look components up by name."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from types import ModuleType
from typing import Any

import pluggy

from textforge.components import hookspecs
from textforge.components.api_version import misfit, unmet_requirement
from textforge.components.component import IN_CODE, Component, Origin
from textforge.components.kinds import COMMAND, KINDS, Kind
from textforge.components.nested import OptionMistake, OptionPath
from textforge.components.option_errors import dotted
from textforge.components.options import try_call
from textforge.components.part import Part
from textforge.errors import PluginError, cut, did_you_mean, listed

HOOKED = (*KINDS.values(), COMMAND)


@dataclass(frozen=True)
class Broken:
    """A plugin, or a part of one, that cannot be used, and why."""

    plugin: str
    origin: Origin
    reason: str

    def __str__(self) -> str:
        return f"plugin '{self.plugin}' from {self.origin}: {self.reason}"


class PluginManager:
    """The components that installed plugins, and those registered on this object, offer.

    Each manager stands alone: registering a plugin on one touches no other. Nothing is looked for
    until the first question is asked.

    Args:
        entry_points: whether to find installed plugins (entry-point group `textforge`).
    """

    def __init__(self, *, entry_points: bool = True) -> None:
        self._pluggy = pluggy.PluginManager(hookspecs.GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self._components: dict[tuple[str, str], list[Component]] = {}
        self._broken: list[Broken] = []
        self._installed = self._installed_wanted = entry_points
        self._registered: list[tuple[Any, str, Origin]] = []
        self._finding = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle: what was registered, modules by name; what is installed is found anew."""
        registered = [(_Module(plugin.__name__) if isinstance(plugin, ModuleType) else plugin, name, origin)
                      for plugin, name, origin in self._registered]  # fmt: skip
        return _manager, (self._installed, registered)

    def __deepcopy__(self, memo: dict[int, Any]) -> PluginManager:
        """A manager of its own over the same plugins."""
        return _manager(self._installed, self._registered)

    # -- what is there -------------------------------------------------------------------------

    @property
    def broken(self) -> list[Broken]:
        """Plugins and components that cannot be used, each with its reason."""
        self._find_installed()
        return [*self._broken, *self._duplicates()]

    def names(self, kind: str) -> list[str]:
        """The names of a kind, sorted.

        Raises:
            PluginError: no such kind.
        """
        _kind(kind)
        self._find_installed()
        return sorted(name for of_kind, name in self._components if of_kind == kind)

    def components(self, kind: str) -> list[Component]:
        """The usable components of a kind, by name; those whose name is given twice are left out."""
        names = self.names(kind)
        return [found[0] for name in names if len(found := self._components[kind, name]) == 1]

    def component(self, kind: str, name: str) -> Component:
        """One component.

        Raises:
            PluginError: no such kind or name (the message names the nearest one, and the broken
                plugins that might have given it), or two distributions give this name.
        """
        _kind(kind)
        self._find_installed()
        found = self._components.get((kind, name), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise PluginError(_duplicate(found))
        raise PluginError(self._unknown(kind, name))

    def part(self, kind: str, name: str, /, **options: Any) -> Part:
        """A component with its options checked and its defaults filled in.

        Raises:
            PluginError: as `component`.
            RecipeError: an option is unknown, missing, of the wrong type or out of range.
        """
        component = self.component(kind, name)
        return Part(component, component.options.accepted(options, self.resolve))

    def resolve(self, kind: str, section: Any, place: OptionPath) -> tuple[Part | None, list[OptionMistake]]:
        """The part that a section within a part's options stands for, and the mistakes in it.

        Args:
            kind: of the part.
            section: a name, a mapping with 'use' and options, or a `Part`.
            place: where in the options the section stands.
        """
        if isinstance(section, Part):
            if section.component.kind.name == kind:
                return section, []
            return None, [(place, f"{dotted(place)}: {section.label} is no {kind}.")]
        options = dict(section) if isinstance(section, Mapping) else {"use": section}
        name = options.pop("use", None)
        if not isinstance(name, str):
            return None, [(place, f"{dotted(place)} must be the name of a {kind}, or a mapping with 'use'.")]
        try:
            component = self.component(kind, name)
            checked, mistakes = component.options.check(options, self.resolve)
        except PluginError as error:
            return None, [(place, f"{dotted(place)}: {error}")]
        if mistakes:
            return None, [((*place, *inner), wrong) for inner, wrong in mistakes]
        return Part(component, checked), []

    # -- what is put in ------------------------------------------------------------------------

    def register(self, plugin: Any, name: str | None = None, *, origin: Origin = IN_CODE) -> None:
        """Add a plugin object (a module, class instance or namespace with hook implementations).

        Raises:
            PluginError: the plugin is broken; nothing else is affected.
        """
        before = len(self._broken)
        name = name or _plugin_name(plugin)
        self._add(plugin, name, origin)
        self._registered.append((plugin, name, origin))
        if reasons := [broken.reason for broken in self._broken[before:]]:
            raise PluginError(f"plugin '{name}': {' '.join(reasons)}")

    def _find_installed(self) -> None:
        with self._finding:  # another thread waits; a plugin that asks while it is imported goes on
            if self._installed_wanted:
                self._installed_wanted = False
                self._load_installed()

    def _load_installed(self) -> None:
        found = metadata.entry_points(group=hookspecs.GROUP)
        for entry_point in sorted(found, key=lambda ep: (ep.dist.name if ep.dist else "", ep.name)):
            dist = entry_point.dist
            origin = Origin(dist.name, dist.version) if dist else Origin("(unknown distribution)", "")
            plugin, error = try_call(entry_point.load)
            if error:
                unmet, _ = try_call(unmet_requirement, dist)
                reason = f"cannot be imported: {type(error).__name__}: {error}{unmet or ''}"
                self._broken.append(Broken(entry_point.name, origin, reason))
            else:
                self._add(plugin, entry_point.name, origin)

    def _add(self, plugin: Any, name: str, origin: Origin) -> None:
        def broken(reason: str) -> None:
            self._broken.append(Broken(name, origin, reason))

        reason, error = try_call(misfit, plugin, origin.distribution)
        if error or reason:
            broken(reason or f"its API number cannot be read: {type(error).__name__}: {error}")
            return
        # Two distributions may give their entry points the same name, so the name is made longer.
        registered, error = try_call(self._pluggy.register, plugin, f"{name} ({origin}, {id(plugin):x})")
        if error:
            again = "already registered" in str(error)
            why = "the same object is registered already." if again else (str(error).strip().splitlines() or [""])[-1]
            broken(why if again else f"does not fit the hooks: {why}")
            return
        specified = [kind.hook for kind in HOOKED]
        for hook in self._implemented(plugin):
            if hook not in specified:
                broken(f"there is no hook '{hook}'. Hooks: {listed(specified)}.{did_you_mean(hook, specified)}")
        if registered is None or not any(self._pluggy.get_hookcallers(plugin) or ()):
            broken("implements no hook. Mark its functions with @textforge.hookimpl.")
        for kind in HOOKED:
            for implementation in getattr(self._pluggy.hook, kind.hook).get_hookimpls():
                if implementation.plugin is not plugin:
                    continue
                offered, error = try_call(_offered_by, implementation.function)
                if error:
                    broken(f"{kind.hook} raised {type(error).__name__}: {error}")
                    continue
                for reason in self._offer(kind, offered, origin, name):
                    broken(f"{kind.hook} {reason}")

    def _implemented(self, plugin: Any) -> list[str]:
        """The hooks that a plugin marks functions for, known or not."""
        marked = {name: self._pluggy.parse_hookimpl_opts(plugin, name) for name in dir(plugin)}
        return [settings.get("specname") or name for name, settings in marked.items() if settings]

    def _offer(self, kind: Kind, offered: Any, origin: Origin, plugin: str) -> list[str]:
        if not isinstance(offered, dict):
            return [f"returned a {type(offered).__name__}, not a dict of names to factories."]
        wrong: list[str] = []
        for name, target in offered.items():
            if not isinstance(name, str) or not re.fullmatch(r"\w[\w.+-]*", name):
                wrong.append(f"returned the name {name!r}; a name is letters, digits, '_', '-', '.' and '+'.")
                continue
            if not callable(target) and not (isinstance(target, str) and _is_reference(target)):
                wrong.append(
                    f"gave {target!r} for '{name}': neither a factory nor a string 'package.module:attribute'."
                )
                continue
            component = Component(kind, name, target, origin, plugin)
            if callable(target) and kind is not COMMAND:  # a string is imported, and so read, only when it is asked for
                _, error = try_call(getattr, component, "options")
                if error:
                    wrong.append(f"gave a factory that cannot be used: {error}")
                    continue
            self._components.setdefault((kind.name, name), []).append(component)
        return wrong

    # -- what is said --------------------------------------------------------------------------

    def _duplicates(self) -> list[Broken]:
        return [
            Broken(found[0].name, found[1].origin, _duplicate(found))
            for _, found in sorted(self._components.items())
            if len(found) > 1
        ]

    def _unknown(self, kind: str, name: str) -> str:
        names = self.names(kind)
        message = f"no {kind} named '{cut(name)}'.{did_you_mean(name, names)} Installed: {listed(names)}."
        for broken in self._broken:
            if name in broken.reason or name in broken.plugin or broken.origin.distribution.endswith(name):
                message += f" It may be in a broken plugin: {broken}"
        if self._broken and "broken plugin" not in message:
            whose = dict.fromkeys(f"{broken.plugin} ({broken.origin})" for broken in self._broken)
            message += f" Broken plugins, which may give it: {listed(whose)}; see 'textforge plugins'."
        return message


@dataclass(frozen=True)
class _Module:
    """A module in a pickle, which holds none."""

    name: str


def _manager(entry_points: bool, registered: list[tuple[Any, str, Origin]]) -> PluginManager:
    """A manager as another was: with the same plugins, as broken as they were."""
    manager = PluginManager(entry_points=entry_points)
    for plugin, name, origin in registered:
        with suppress(PluginError):
            manager.register(import_module(plugin.name) if isinstance(plugin, _Module) else plugin, name, origin=origin)
    return manager


def _kind(name: str) -> None:
    known = [kind.name for kind in HOOKED]
    if name not in known:
        raise PluginError(f"no kind of component named '{name}'. Kinds: {listed(KINDS)}.{did_you_mean(name, known)}")


def _offered_by(hook: Callable[[], Any]) -> Any:
    """What a hook returns; a mapping as a dict, so that no code of the plugin's runs when it is looked into."""
    offered = hook()
    return dict(offered) if isinstance(offered, Mapping) else offered


def _duplicate(found: list[Component]) -> str:
    sources = " and ".join(str(component.origin) for component in found)
    return f"the name of {found[0].label} is given by {sources}. Uninstall one of them, or rename its component."


def _is_reference(text: str) -> bool:
    module, colon, attribute = text.partition(":")
    return bool(colon) and attribute.isidentifier() and all(p.isidentifier() for p in module.split("."))


def _plugin_name(plugin: Any) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))
