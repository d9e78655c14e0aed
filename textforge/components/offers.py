"""What a plugin offers, as plain values that can be remembered, or as its entry points state it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata

from textforge.components.component import Component, FromHook, Origin
from textforge.components.hook_reader import HOOKED, is_name, is_reference
from textforge.components.kinds import Kind

_KINDS: dict[str, Kind] = {kind.name: kind for kind in HOOKED}


@dataclass(frozen=True)
class Examined:
    """What an import of a plugin has shown. All values are JSON values.

    Raises:
        TypeError: a value has another type, as in a damaged index.
    """

    offered: list[list[str | None]] = field(default_factory=list)
    """Kind, name and target of each component; the target is None for a factory that the hook itself returns."""
    broken: list[str] = field(default_factory=list)
    seconds: float | None = None
    """Wall time of the import; None if it did not end."""
    changed: list[str] = field(default_factory=list)
    """What the import changed in its process."""

    def __post_init__(self) -> None:
        texts = [self.broken, self.changed, *(self.offered if isinstance(self.offered, list) else [None])]
        if not all(isinstance(one, list) for one in texts) or not isinstance(self.seconds, float | int | None):
            raise TypeError("not an examination")
        if not all(isinstance(text, str) for text in (*self.broken, *self.changed)):
            raise TypeError("not an examination")

    def components(self, entry_point: metadata.EntryPoint, origin: Origin) -> list[Component]:
        """The components, without importing anything.

        Raises:
            ValueError, LookupError, TypeError: the values are not those of an examination.
        """
        found = []
        for kind_name, name, target in self.offered:
            kind = _KINDS[str(kind_name)]
            if not is_name(name) or not isinstance(target, str | None):
                raise ValueError("not a component")
            own = target or FromHook(entry_point.value, kind.hook, str(name))
            found.append(Component(kind, str(name), own, origin, entry_point.name))
        return found


def statically_offered(entry_point: metadata.EntryPoint, kind: Kind, origin: Origin) -> tuple[list[Component], str]:
    """The component that an entry point of a group such as `textforge.models` states, or why it is wrong."""
    name, value = entry_point.name, entry_point.value
    if not is_name(name):
        return [], f"states the name {name!r}; a name is letters, digits, '_', '-', '.' and '+'."
    if not is_reference(value):
        return [], f"states {value!r} for {kind.name} '{name}', which is not 'package.module:attribute'."
    return [Component(kind, name, value, origin, name)], ""
