"""Check that a plugin works with this textforge: its plugin API number and its version requirements."""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from typing import Any

from textforge.components.hookspecs import PLUGIN_API
from textforge.components.requirements import pip_install as pip_install, unmet

ATTRIBUTE = "TEXTFORGE_API"


def api_mismatch(plugin: Any, distribution: str) -> str | None:
    """The reason why a plugin does not work with this plugin API, or None if it does.

    A plugin that declares no API number is accepted.

    Args:
        plugin: module or object; its optional attribute `TEXTFORGE_API` gives the API number it needs.
        distribution: name of the distribution that provides the plugin.
    """
    wanted = getattr(plugin, ATTRIBUTE, None)
    if wanted is None:
        return None
    if not isinstance(wanted, str) or not (numbers := re.fullmatch(r"(\d+)\.(\d+)", wanted)):
        return f'its {ATTRIBUTE} is {wanted!r}, which is not an API number. Write it as {ATTRIBUTE} = "{PLUGIN_API}".'
    first, second = int(numbers[1]), int(numbers[2])
    own_first, own_second = map(int, PLUGIN_API.split("."))
    if first == own_first and second <= own_second:
        return None
    reason = f"it needs plugin API {wanted}, and textforge {metadata.version('textforge')} has {PLUGIN_API}."
    if (first, second) > (own_first, own_second):
        return f"{reason} Install a newer textforge: pip install --upgrade textforge"
    upgrade = f"pip install --upgrade {shlex.quote(distribution)}"
    return f"{reason} Install a newer version of it ({upgrade}), or an older textforge."


def unmet_requirement(distribution: metadata.Distribution | None) -> str:
    """A sentence that names the requirements of a distribution that are not met, and what to install; else empty."""
    if distribution is None:
        return ""
    found = unmet(distribution.requires or (), "It")
    return f" {found}" if found else ""
