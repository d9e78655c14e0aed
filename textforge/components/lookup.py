"""Look a part up by its name, where code gives a name instead of a part."""

from __future__ import annotations

from textforge.components.part import Part


def part_named(kind: str, name: str) -> Part:
    """The installed component of that name, with its default options.

    Raises:
        RecipeError: no installed plugin has such a component, or an option of it has no default.
    """
    from textforge.components.manager import PluginManager  # reads every installed plugin

    return PluginManager().part(kind, name)
