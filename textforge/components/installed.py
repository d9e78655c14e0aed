"""The plugins of installed distributions: which of them to look at, and what they offer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

from textforge.components.component import Component, Origin
from textforge.components.hook_reader import HOOKED
from textforge.components.hookspecs import GROUP
from textforge.components.names import STANDARD, normalized
from textforge.components.offers import Examined, statically_offered
from textforge.components.plugin_index import IndexEntry, installed_digest
from textforge.errors import PluginError, cut, did_you_mean, listed

CHOSEN = "TEXTFORGE_PLUGINS"
"""Environment variable that chooses the plugins to look at, by distribution or entry point; or `none`."""
_STATIC = {f"{GROUP}.{kind.many}": kind for kind in HOOKED}
"""The groups of entry points that state components, and their kinds."""


@dataclass
class InstalledPlugin:
    """An entry point of the group `textforge`, with what its import has shown; or a component that is stated."""

    name: str
    origin: Origin
    components: list[Component] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    seconds: float | None = None
    """Wall time of its import; None if it was not imported or did not end."""
    changed: list[str] = field(default_factory=list)
    """What its import changed in the process."""
    recalled: bool = False
    """Whether all this comes from the index instead of an import just now."""


def installed_plugins(*, again: bool = False) -> Iterator[InstalledPlugin]:
    """Find the installed plugins, the standard one included, in the order of their distributions.

    A plugin whose distribution is not in the index is examined. One that was broken is examined again if anything was
    installed or removed since.

    Args:
        again: whether to examine every broken plugin again.

    Raises:
        PluginError: TEXTFORGE_PLUGINS names a plugin that is not installed; the message suggests the nearest name.
    """
    groups: dict[int, list[metadata.EntryPoint]] = {}
    every = metadata.entry_points()
    for group in (GROUP, *_STATIC):
        for point in every.select(group=group):
            groups.setdefault(id(point.dist), []).append(point)
    found = [_Distribution(points) for points in groups.values()]
    for one in (chosen := _chosen(found)):
        one.recall(again)
    _examine([(one, point) for one in chosen for point in one.unknown])
    for one in sorted(chosen, key=lambda one: one.origin.distribution):
        if one.unknown:
            one.remember()
        yield from one.plugins()


def _examine(missing: list[tuple[_Distribution, metadata.EntryPoint]]) -> None:
    """Import plugins: textforge's own in this process, each other one in a process of its own."""
    if not missing:
        return
    from textforge.components.examination import examined, examined_here

    apart = [(one, point) for one, point in missing if not one.is_standard]
    results = examined([(point, one.origin) for one, point in apart])
    for (one, point), result in zip(apart, results, strict=True):
        one.examined[point.name, point.value] = result
    for one, point in missing:
        if one.is_standard:
            one.examined[point.name, point.value] = examined_here(point, one.origin)


class _Distribution:
    """An installed distribution with plugins."""

    def __init__(self, points: list[metadata.EntryPoint]) -> None:
        self.stated = [point for point in points if point.group != GROUP]
        self.hooked = sorted((point for point in points if point.group == GROUP), key=lambda point: point.name)
        self.unknown: list[metadata.EntryPoint] = []
        """The entry points to examine."""
        self.examined: dict[tuple[str, str], Examined] = {}
        self._distribution = points[0].dist
        self._entry = IndexEntry(points[0].dist, self.hooked) if points[0].dist else None
        self._kept = (self._entry.load() if self._entry else None) or {}
        self.origin = self._origin()

    def _origin(self) -> Origin:
        kept = self._kept.get("origin")
        if isinstance(kept, list) and len(kept) == 2 and all(isinstance(one, str) for one in kept):
            return Origin(*kept)
        if self._distribution is None:
            return Origin("(unknown distribution)", "")
        described = self._distribution.metadata  # read once: properties such as `version` parse the file each time
        return Origin(described["Name"] or "", described["Version"] or "")

    @property
    def is_standard(self) -> bool:
        return normalized(self.origin.distribution) == STANDARD

    @property
    def names(self) -> set[str]:
        """The names by which TEXTFORGE_PLUGINS may choose it."""
        return {
            normalized(self.origin.distribution),
            *(normalized(point.name) for point in (*self.hooked, *self.stated)),
        }

    def recall(self, again: bool) -> None:
        """Recall what the index knows of each entry point."""
        for point in self.hooked:
            try:
                known = Examined(**self._kept["plugins"][f"{point.name} = {point.value}"])
                known.components(point, self.origin)
            except (LookupError, TypeError, ValueError):
                self.unknown.append(point)
                continue
            if known.broken and (again or self._kept.get("installed") != installed_digest()):
                self.unknown.append(point)
            else:
                self.examined[point.name, point.value] = known
        if not self.hooked and not self._kept:
            self.remember()

    def remember(self) -> None:
        if self._entry is not None:
            plugins = {f"{name} = {value}": asdict(found) for (name, value), found in self.examined.items()}
            origin = [self.origin.distribution, self.origin.version]
            self._entry.save({"origin": origin, "plugins": plugins, "installed": installed_digest()})

    def plugins(self) -> Iterator[InstalledPlugin]:
        stated: set[tuple[str, str]] = set()
        for point in self.stated:
            components, wrong = statically_offered(point, _STATIC[point.group], self.origin)
            stated |= {(component.kind.name, component.name) for component in components}
            yield InstalledPlugin(point.name, self.origin, components, [wrong] if wrong else [])
        for point in self.hooked:
            known = self.examined[point.name, point.value]
            offered = known.components(point, self.origin)
            yield InstalledPlugin(
                point.name,
                self.origin,
                [one for one in offered if (one.kind.name, one.name) not in stated],
                known.broken,
                known.seconds,
                known.changed,
                recalled=point not in self.unknown,
            )


def others_left_out() -> str:
    """A sentence that TEXTFORGE_PLUGINS leaves other plugins out, to follow one about a missing part; else empty."""
    chosen = os.environ.get(CHOSEN, "").strip()
    return f" {CHOSEN}={cut(chosen)}: no other installed plugin was looked at." if chosen else ""


def _chosen(found: list[_Distribution]) -> list[_Distribution]:
    """The distributions that TEXTFORGE_PLUGINS chooses, and the standard one; all of them if it is not set."""
    wanted: Any = os.environ.get(CHOSEN, "").strip()
    if not wanted:
        return found
    standard = [one for one in found if one.is_standard]
    if wanted == "none":
        return standard
    names = {normalized(name.strip()) for name in wanted.split(",") if name.strip()}
    known = {name for one in found for name in one.names}
    for name in sorted(names - known):
        own = sorted(normalized(one.origin.distribution) for one in found)
        raise PluginError(
            f"{CHOSEN}: no installed plugin is named '{name}'.{did_you_mean(name, known)} Distributions with plugins: "
            f"{listed(own)}. To look at none of them, write '{CHOSEN}=none'."
        )
    return [one for one in found if one in standard or one.names & names]
