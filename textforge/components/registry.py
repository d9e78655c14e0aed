"""Components by name: who may use a short name, and who is reached by the qualified name only."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from textforge.components.api_version import pip_install
from textforge.components.component import IN_CODE, Component, Origin
from textforge.components.kinds import KINDS
from textforge.components.names import normalized, split
from textforge.components.options import try_call
from textforge.errors import PluginError, cut, did_you_mean, listed


@dataclass
class Registry:
    """The components of all plugins.

    A short name belongs to the standard part that has it. Otherwise it belongs to the only plugin that offers it; if
    several do, the short name is an error and each is used by its qualified name. A plugin that is listed as broken
    claims no short name that another plugin offers.
    """

    found: dict[tuple[str, str], list[Component]] = field(default_factory=dict)
    broken: set[tuple[str, Origin]] = field(default_factory=set)
    """Name and origin of plugins of which something is broken."""

    def add(self, components: Collection[Component]) -> None:
        for component in components:
            self.found.setdefault((component.kind.name, component.name), []).append(component)

    def named(self, kind: str) -> dict[str, Component]:
        """The components of a kind by the name to use them by, sorted: the short one if it is theirs."""
        names = {}
        for (of_kind, name), found in self.found.items():
            if of_kind != kind:
                continue
            owners = self._owners(found)
            for component in found:
                if len(owners) == 1 and component is owners[0]:
                    names[name] = component
                elif self._of(found, normalized(component.origin.distribution)) == [component]:
                    names[component.qualified_name] = component
        return dict(sorted(names.items()))

    def find(self, kind: str, name: str) -> Component | None:
        """The component of this short or qualified name; None if nothing offers it.

        Raises:
            PluginError: several plugins offer the short name, or one distribution offers it twice.
        """
        distribution, short = split(name)
        found = self.found.get((kind, short), [])
        if distribution is None:
            owners = self._owners(found)
            return self._only(owners, short) if owners else None
        of_it = self._of(found, distribution)
        if len(of_it) > 1:
            raise PluginError(_given_twice(of_it))
        if not of_it:
            return None
        # A part registered in code has no distribution to be found by later, so it is written as it was asked for.
        return replace(of_it[0], asked_as=name) if of_it[0].origin == IN_CODE else of_it[0]

    def namesakes(self, component: Component) -> str:
        """Say which component a short name means, if other distributions have one of that name; else empty.

        Those of broken plugins are left out.
        """
        same = self._sound(self.found.get((component.kind.name, component.name), []))
        names = dict.fromkeys(one.qualified_name for one in same if one.qualified_name != component.qualified_name)
        if not names:
            return ""
        others = " and ".join(f"'{name}'" for name in names)
        which = f"{others} {'is another one' if len(names) == 1 else 'are other ones'}"
        own = component.qualified_name
        return f"{component.label} is that of {component.origin}; {which}. To be clear, write '{own}'."

    def unknown(self, kind: str, name: str) -> str:
        """The error message for a name that nothing offers."""
        usable = self.named(kind)
        distribution, short = split(name)
        of_it = sorted(c.qualified_name for c in usable.values() if normalized(c.origin.distribution) == distribution)
        if of_it:
            meant = did_you_mean(f"{distribution}/{short}", of_it)
            return f"no {kind} named '{cut(name)}'.{meant} {distribution} gives: {listed(of_it)}."
        same = [c.qualified_name for c in usable.values() if c.name == short]  # of a distribution with a similar name
        meant = did_you_mean(name, same if distribution else usable)
        message = f"no {kind} named '{cut(name)}'.{meant} Installed: {listed(usable)}."
        if not distribution or not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", distribution):
            return message
        return f"{message} If it comes from '{cut(distribution)}', and you trust that: {pip_install(cut(distribution))}"

    def _owners(self, found: list[Component]) -> list[Component]:
        """The components with a claim to their short name; one of them owns it, several contest it."""
        standard = [component for component in found if component.is_standard]
        return standard or self._sound(found) or found

    def _sound(self, found: list[Component]) -> list[Component]:
        return [component for component in found if (component.plugin, component.origin) not in self.broken]

    def _of(self, found: list[Component], distribution: str) -> list[Component]:
        return [component for component in found if normalized(component.origin.distribution) == distribution]

    def _only(self, owners: list[Component], short: str) -> Component:
        if len(owners) == 1:
            return owners[0]
        usable = [one for one in owners if try_call(lambda one=one: _loaded(one))[1] is None]
        if len(usable) == 1:  # what cannot be loaded claims nothing
            return usable[0]
        installed = [one for one in usable if one.origin != IN_CODE]
        if len(installed) == 1 and all(one.factory is installed[0].factory for one in usable):
            return installed[0]  # a plugin's own tests register the module that is installed, too
        names = list(dict.fromkeys(component.qualified_name for component in owners))
        if len(names) == 1:
            raise PluginError(_given_twice(owners))
        sources = " and ".join(str(component.origin) for component in owners)
        written = " or ".join(f"'{name}'" for name in names)
        raise PluginError(f"{owners[0].label} is given by {sources}. Write which one you mean: {written}.")


def _loaded(component: Component) -> None:
    _ = component.options if component.kind.name in KINDS else component.factory


def _given_twice(found: list[Component]) -> str:
    plugins = " and ".join(f"'{component.plugin}'" for component in found)
    return (
        f"{found[0].label} is given twice by {found[0].origin}, by the entry points {plugins}. "
        "One of them must be renamed there."
    )
