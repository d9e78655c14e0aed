"""Find plugins through entry points, isolate broken ones, and look up components by name."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from types import ModuleType
from typing import Any
from weakref import WeakSet

import pluggy

from textforge.components import hookspecs
from textforge.components.api_version import api_mismatch, unmet_requirement
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
    """An unusable plugin or component, with the reason."""

    plugin: str
    origin: Origin
    reason: str

    def __str__(self) -> str:
        return f"plugin '{self.plugin}' from {self.origin}: {self.reason}"


class PluginManager:
    """Registry of the components that plugins offer: installed plugins, and plugins registered on this object.

    Managers are independent: registering a plugin on one does not affect another. Installed plugins are imported
    on the first lookup.

    Args:
        entry_points: whether to load installed plugins (entry-point group `textforge`).
    """

    def __init__(self, *, entry_points: bool = True) -> None:
        self._pluggy = pluggy.PluginManager(hookspecs.GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self._components: dict[tuple[str, str], list[Component]] = {}
        self._broken: list[Broken] = []
        self._installed = self._installed_wanted = entry_points
        self._registered: list[tuple[Any, str, Origin]] = []
        self._finding = threading.RLock()
        _MANAGERS.add(self)

    def __repr__(self) -> str:
        installed = ["what is installed"] if self._installed else []
        own = [name for _, name, _ in self._registered]
        return f"<PluginManager of {listed([*installed, *own])}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle registered plugins only, modules by name; installed plugins are found again on unpickling."""
        registered = [(_Module(plugin.__name__) if isinstance(plugin, ModuleType) else plugin, name, origin)
                      for plugin, name, origin in self._registered]  # fmt: skip
        return _manager, (self._installed, registered)

    def __deepcopy__(self, memo: dict[int, Any]) -> PluginManager:
        """An independent manager with the same plugins."""
        return _manager(self._installed, self._registered)

    # -- look up -------------------------------------------------------------------------------

    @property
    def broken(self) -> list[Broken]:
        """Unusable plugins and components, each with the reason."""
        self._find_installed()
        return [*self._broken, *self._duplicates()]

    def names(self, kind: str) -> list[str]:
        """The sorted names of all components of a kind.

        Raises:
            PluginError: no such kind.
        """
        _kind(kind)
        self._find_installed()
        return sorted(name for of_kind, name in self._components if of_kind == kind)

    def components(self, kind: str) -> list[Component]:
        """The usable components of a kind, sorted by name; names given by two plugins are left out."""
        names = self.names(kind)
        return [found[0] for name in names if len(found := self._components[kind, name]) == 1]

    def component(self, kind: str, name: str) -> Component:
        """The component of a kind and name.

        Raises:
            PluginError: no such kind or name exists (the message gives the nearest name, and any broken
                plugin that might provide it), or two distributions give this name.
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
        """Look up a component, validate its options and fill in the defaults.

        Raises:
            PluginError: as `component`.
            RecipeError: an option is unknown, missing, of the wrong type or out of range.
        """
        component = self.component(kind, name)
        return Part(component, component.options.accepted(options, self.resolve))

    def resolve(self, kind: str, section: Any, place: OptionPath) -> tuple[Part | None, list[OptionMistake]]:
        """Resolve a nested section to a part.

        Args:
            kind: the kind that the part must have.
            section: a name, a mapping with 'use' and options, or a `Part`.
            place: path of the section in the options that hold it.

        Returns:
            The part, or None if the section is wrong, and the mistakes in the section.
        """
        if isinstance(section, Part):
            if section.component.kind.name == kind:
                return section, []
            return None, [(place, f"{dotted(place)}: {section.label} cannot be used as {kind}.")]
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

    # -- register ------------------------------------------------------------------------------

    def register(self, plugin: Any, name: str | None = None, *, origin: Origin = IN_CODE) -> None:
        """Add a plugin: a module, class instance or namespace with hook implementations.

        Raises:
            PluginError: the plugin is broken; other plugins are not affected.
        """
        before = len(self._broken)
        name = name or _plugin_name(plugin)
        self._add(plugin, name, origin)
        self._registered.append((plugin, name, origin))
        if reasons := [broken.reason for broken in self._broken[before:]]:
            raise PluginError(f"plugin '{name}': {' '.join(reasons)}")

    def _find_installed(self) -> None:
        with (
            self._finding
        ):  # other threads wait; the lock is reentrant for a plugin that uses the manager during import
            if self._installed_wanted:
                self._installed_wanted = False
                self._load_installed()

    def _after_fork(self) -> None:
        """Start over in a forked process if a thread that does not exist here was loading the plugins."""
        if self._finding.acquire(blocking=False):
            self._finding.release()
        else:
            vars(self).update(vars(_manager(self._installed, self._registered)))

    def _load_installed(self) -> None:
        found = [
            (_origin(entry_point.dist), entry_point) for entry_point in metadata.entry_points(group=hookspecs.GROUP)
        ]
        for origin, entry_point in sorted(found, key=lambda pair: (pair[0].distribution, pair[1].name)):
            plugin, error = try_call(entry_point.load)
            if error:
                unmet, _ = try_call(unmet_requirement, entry_point.dist)
                reason = f"cannot be imported: {type(error).__name__}: {error}{unmet or ''}"
                self._broken.append(Broken(entry_point.name, origin, reason))
            else:
                self._add(plugin, entry_point.name, origin)

    def _add(self, plugin: Any, name: str, origin: Origin) -> None:
        def broken(reason: str) -> None:
            self._broken.append(Broken(name, origin, reason))

        reason, error = try_call(api_mismatch, plugin, origin.distribution)
        if error or reason:
            broken(reason or f"its API number cannot be read: {type(error).__name__}: {error}")
            return
        # Two distributions may use the same entry-point name, so the registered name adds the origin.
        registered, error = try_call(self._pluggy.register, plugin, f"{name} ({origin}, {id(plugin):x})")
        if error:
            again = "already registered" in str(error)
            why = "the same object is already registered." if again else (str(error).strip().splitlines() or [""])[-1]
            broken(why if again else f"does not fit the hooks: {why}")
            return
        specified = [kind.hook for kind in HOOKED]
        for hook in self._implemented(plugin):
            if hook not in specified:
                broken(f"no hook '{hook}'. Hooks: {listed(specified)}.{did_you_mean(hook, specified)}")
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
        """The names of all hooks that a plugin implements, including unknown ones."""
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
            if callable(target) and kind is not COMMAND:  # a string is imported and read on first use
                _, error = try_call(getattr, component, "options")
                if error:
                    wrong.append(f"gave a factory that cannot be used: {error}")
                    continue
            self._components.setdefault((kind.name, name), []).append(component)
        return wrong

    # -- error messages ------------------------------------------------------------------------

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
            message += f" Broken plugins, which may provide it: {listed(whose)}; see 'textforge plugins'."
        return message


def _origin(distribution: metadata.Distribution | None) -> Origin:
    if distribution is None:
        return Origin("(unknown distribution)", "")
    described = distribution.metadata  # read once: its properties `name` and `version` parse the file each time
    return Origin(described["Name"] or "", described["Version"] or "")


@dataclass(frozen=True)
class _Module:
    """The name of a module, to stand for it in a pickle: modules cannot be pickled."""

    name: str


def _manager(entry_points: bool, registered: list[tuple[Any, str, Origin]]) -> PluginManager:
    """Rebuild a manager from the plugins registered on another one; broken plugins stay broken."""
    manager = PluginManager(entry_points=entry_points)
    for plugin, name, origin in registered:
        with suppress(PluginError):
            manager.register(import_module(plugin.name) if isinstance(plugin, _Module) else plugin, name, origin=origin)
    return manager


_MANAGERS: WeakSet[PluginManager] = WeakSet()


def _after_fork() -> None:
    for manager in [*_MANAGERS]:
        manager._after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


def _kind(name: str) -> None:
    known = [kind.name for kind in HOOKED]
    if name not in known:
        raise PluginError(f"no kind of component named '{name}'. Kinds: {listed(KINDS)}.{did_you_mean(name, known)}")


def _offered_by(hook: Callable[[], Any]) -> Any:
    """Call a hook; copy a mapping to a dict, so that later lookups run no plugin code."""
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
