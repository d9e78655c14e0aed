"""Whether a plugin and this textforge fit each other: the plugin API number, and the versions that it requires."""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from typing import Any

from textforge.components.hookspecs import PLUGIN_API

ATTRIBUTE = "TEXTFORGE_API"


def pip_install(requirement: str) -> str:
    """The command that installs a distribution, quoted for a shell: people paste it.

    Args:
        requirement: `name`, `name==1.2` or `name>=1,<2`; in quotes in any case, for `<` and `>` are a shell's own.
    """
    quoted = shlex.quote(requirement)
    return f"pip install {quoted}" if quoted != requirement else f"pip install '{requirement}'"


def misfit(plugin: Any, distribution: str) -> str | None:
    """Why a plugin that was written for another plugin API cannot be used; None where it fits.

    A plugin without the number is taken as it comes.

    Args:
        plugin: the module or object, whose attribute `TEXTFORGE_API` may say what it was written for.
        distribution: what it came in.
    """
    wanted = getattr(plugin, ATTRIBUTE, None)
    if wanted is None:
        return None
    if not isinstance(wanted, str) or not (numbers := re.fullmatch(r"(\d+)\.(\d+)", wanted)):
        return f'its {ATTRIBUTE} is {wanted!r}, which is no API number. Write it as text: {ATTRIBUTE} = "{PLUGIN_API}".'
    first, second = int(numbers[1]), int(numbers[2])
    own_first, own_second = map(int, PLUGIN_API.split("."))
    if first == own_first and second <= own_second:
        return None
    told = f"it needs plugin API {wanted}, and textforge {metadata.version('textforge')} has {PLUGIN_API}."
    if (first, second) > (own_first, own_second):
        return f"{told} Install a newer textforge: pip install --upgrade textforge"
    upgrade = f"pip install --upgrade {shlex.quote(distribution)}"
    return f"{told} Install a newer version of it ({upgrade}), or an older textforge."


def unmet_requirement(distribution: metadata.Distribution | None) -> str:
    """A sentence about the textforge that a distribution requires, where it is not the one installed; else empty."""
    from packaging.requirements import InvalidRequirement, Requirement

    for line in (distribution.requires or ()) if distribution else ():
        try:
            required = Requirement(line)
        except InvalidRequirement:
            continue
        if required.name.lower() == "textforge" and not (required.marker and not required.marker.evaluate()):
            installed = metadata.version("textforge")
            if not required.specifier.contains(installed, prereleases=True):
                return (
                    f" It requires textforge{required.specifier}, and {installed} is installed: "
                    f"{pip_install(f'textforge{required.specifier}')}"
                )
    return ""
