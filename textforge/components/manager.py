"""Find plugins through entry points, isolate broken ones, and look up components by name."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any
from weakref import WeakSet

from textforge.components.component import IN_CODE, Component, Origin
from textforge.components.hook_reader import HOOKED, HookReader
from textforge.components.installed import InstalledPlugin, installed_plugins, others_left_out
from textforge.components.kinds import KINDS
from textforge.components.names import split
from textforge.components.nested import OptionMistake, OptionPath
from textforge.components.option_errors import dotted
from textforge.components.part import Part
from textforge.components.registry import Registry
from textforge.components.upgrades import with_current_names
from textforge.errors import ComponentError, PluginError, cut, did_you_mean, listed


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

    Managers are independent: registering a plugin on one does not affect another. Installed plugins are found on the
    first lookup, and imported when one of their components is used.

    A component is named `mlp`, or with its distribution `textforge-twin/mlp`. A standard part owns its short name. A
    short name that several other plugins offer is an error for whoever uses it.

    Args:
        entry_points: whether to look at installed plugins. The environment variable TEXTFORGE_PLUGINS chooses which:
            names of distributions or entry points, joined by commas, or `none`. Standard parts are always there.
    """

    def __init__(self, *, entry_points: bool = True) -> None:
        self._reader: HookReader | None = None
        self._registry = Registry()
        self._broken: list[Broken] = []
        self._plugins: list[InstalledPlugin] = []
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
        """Unusable plugins and components, each with the reason.

        Raises:
            PluginError: TEXTFORGE_PLUGINS names a plugin that is not installed. So do all lookups.
        """
        self._find_installed()
        return [*self._broken]

    @property
    def installed(self) -> list[InstalledPlugin]:
        """The installed plugins, with the time of their imports and what those change in the process."""
        self._find_installed()
        return [*self._plugins]

    def names(self, kind: str) -> list[str]:
        """The sorted names of all components of a kind: the short name if it is theirs, else the qualified one.

        Raises:
            PluginError: no such kind.
        """
        return [*self.named(kind)]

    def components(self, kind: str) -> list[Component]:
        """The components of a kind, in the order of `names`."""
        return [*self.named(kind).values()]

    def named(self, kind: str) -> dict[str, Component]:
        """The components of a kind by name, sorted as in `names`."""
        _kind(kind)
        self._find_installed()
        return self._registry.named(kind)

    def component(self, kind: str, name: str) -> Component:
        """The component of a kind and name.

        Args:
            kind: a kind of components, such as 'model'.
            name: short or qualified name.

        Raises:
            PluginError: no such kind or name exists (the message gives the nearest name, and any broken
                plugin that might provide it), or several plugins give the short name.
        """
        _kind(kind)
        self._find_installed()
        found = self._registry.find(kind, name)
        if found is None and self._examine_again():
            found = self._registry.find(kind, name)
        if found is None:
            raise PluginError(self._unknown(kind, name))
        return found

    def examine_again(self) -> None:
        """Import the broken plugins again, for what the index knows of them may be out of date.

        It may be, for example, if a plugin reads a variable that has been set since.
        """
        self._find_installed()
        self._examine_again()

    def namesakes(self, component: Component) -> str:
        """Say which component its short name means, if other distributions have one of that name; else empty."""
        self._find_installed()
        return self._registry.namesakes(component)

    def same(self, one: str, other: str, kind: str | None = None) -> bool:
        """Whether two names, short or qualified, lead to the same component of a kind, by default of any kind."""
        if one == other:
            return True
        if split(one)[1] != split(other)[1]:
            return False
        for of_kind in KINDS if kind is None else (kind,):
            with suppress(PluginError):
                if self.component(of_kind, one) == self.component(of_kind, other):
                    return True
        return False

    def part(self, kind: str, name: str, /, **options: Any) -> Part:
        """Look up a component, validate its options and fill in the defaults.

        Raises:
            PluginError: as `component`.
            RecipeError: an option is unknown, missing, of the wrong type or out of range.
            ComponentError: the component's `upgrade_options` failed.
        """
        component = self.component(kind, name)
        return Part(component, component.options.accepted(_current(component, options), self.resolve))

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
            checked, mistakes = component.options.check(_current(component, options), self.resolve)
        except (PluginError, ComponentError) as error:
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
        name = name or _plugin_name(plugin)
        self._reader = self._reader or HookReader()
        offered = self._reader.read(plugin, name, origin)
        self._add(offered.components, name, origin, offered.reasons)
        self._registered.append((plugin, name, origin))
        if offered.reasons:
            raise PluginError(f"plugin '{name}': {' '.join(offered.reasons)}")

    def _add(self, components: list[Component], name: str, origin: Origin, reasons: list[str]) -> None:
        self._registry.add(components)
        if reasons:
            self._registry.broken.add((name, origin))
            self._broken += [Broken(name, origin, reason) for reason in reasons]

    def _find_installed(self, *, again: bool = False) -> None:
        # Other threads wait. The lock is reentrant for a plugin that uses the manager while it is imported.
        with self._finding:
            if not self._installed_wanted:
                return
            self._installed_wanted = False
            try:
                self._plugins = [*installed_plugins(again=again)]
            except BaseException:
                self._installed_wanted = True
                raise
            for one in self._plugins:
                self._add(one.components, one.name, one.origin, one.broken)

    def _examine_again(self) -> bool:
        """Examine again the plugins that are broken according to the index; return whether there are any."""
        if not self._installed or not any(one.broken and one.recalled for one in self._plugins):
            return False
        before = self._plugins
        renewed = PluginManager()
        renewed._find_installed(again=True)
        with self._finding:
            if self._plugins is before:
                for plugin, name, origin in self._registered:
                    with suppress(PluginError):
                        renewed.register(plugin, name, origin=origin)
                for name in ("_plugins", "_broken", "_registry", "_reader"):
                    setattr(self, name, getattr(renewed, name))
        return True

    def _after_fork(self) -> None:
        """Start over in a forked process if a thread that does not exist here was loading the plugins."""
        if self._finding.acquire(blocking=False):
            self._finding.release()
        else:
            vars(self).update(vars(_manager(self._installed, self._registered)))

    def _unknown(self, kind: str, name: str) -> str:
        message = self._registry.unknown(kind, name)
        for broken in self._broken:
            if name in broken.reason or name in broken.plugin or broken.origin.distribution.endswith(name):
                message += f" It may be in a broken plugin: {broken}"
        if self._broken and "broken plugin" not in message:
            whose = dict.fromkeys(f"{broken.plugin} ({broken.origin})" for broken in self._broken)
            message += f" Broken plugins, which may provide it: {listed(whose)}; see 'textforge plugins'."
        return message + (others_left_out() if self._installed else "")


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


def _current(component: Component, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Translate options that the component has renamed, with a `DeprecationWarning`."""
    found = with_current_names(component, options)
    if old := [name for name in options if name not in found]:
        new = {name: value for name, value in found.items() if name not in options}
        written = ", ".join(f"{name}={value!r}" for name, value in new.items())
        warnings.warn(
            f"{component.label}: {listed(old)} {'has' if len(old) == 1 else 'have'} been renamed. "
            f"Write {cut(written, 200) or 'nothing instead'}.",
            DeprecationWarning,
            stacklevel=3,
        )
    return found


def _plugin_name(plugin: Any) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))
