"""Options that a plugin has renamed: its factory's attribute `upgrade_options` translates them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from textforge.components.component import Component
from textforge.components.part import plugin_errors

ANY_EARLIER = "0"
"""The version passed to `upgrade_options` for options of a recipe, which does not say which version it is for."""


def upgraded(component: Component, options: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Translate options that an earlier version of a component took to those of the installed version.

    Args:
        component: the installed component.
        options: the earlier options, by name.
        version: the version of the distribution that took them.

    Raises:
        ComponentError: `upgrade_options` failed.
    """
    own = copy.deepcopy(dict(options))
    upgrade = component.declared("upgrade_options", None)
    if upgrade is None:
        return own
    with plugin_errors(f"{component.label} from {component.origin}", f"upgrading options of {version or 'no version'}"):
        return dict(upgrade(own, version))


def with_current_names(component: Component, options: Mapping[str, Any]) -> dict[str, Any]:
    """Translate options of unknown version if one of them is unknown; otherwise return them unchanged.

    Raises:
        ComponentError: `upgrade_options` failed.
    """
    if all(name in component.options.fields for name in options):
        return dict(options)
    return upgraded(component, options, ANY_EARLIER)
