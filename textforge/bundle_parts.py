"""The components that a bundle was made with, found again among those installed, in whatever version."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from textforge.components import Part, blame
from textforge.errors import BundleError, ComponentError, PluginError, RecipeError
from textforge.options import jsonable
from textforge.plugins import PluginManager


def named(part: Part) -> dict[str, Any]:
    """How a bundle names a part: its component, options and the version that it was made with."""
    origin = part.component.origin
    return {
        "use": part.component.name,
        "options": jsonable(part.options),
        "distribution": origin.distribution,
        "version": origin.version,
    }


def saved_part(kind: str, described: Mapping[str, Any], plugins: PluginManager, folder: Path) -> Part:
    """The part that a bundle names, of whatever version is installed.

    Raises:
        BundleError: it is not installed, or the version installed does not take its options.
    """
    saved = described[kind]
    try:
        return plugins.part(kind, saved["use"], **_options_now(kind, saved, plugins))
    except PluginError as error:
        distribution, version = saved["distribution"], saved["version"]
        if saved["use"] in plugins.names(kind) or not version:
            raise BundleError(f"{folder}: {error}") from error
        raise BundleError(
            f"{folder}: needs {kind} '{saved['use']}' from the distribution {distribution} {version}, which is not "
            f"installed. Install it: pip install '{distribution}=={version}'"
        ) from error
    except ComponentError as error:
        raise BundleError(f"{folder}: {error}") from error
    except RecipeError as error:
        origin = plugins.component(kind, saved["use"]).origin
        made, advice = f"{saved['distribution']} {saved['version']}", ""
        if (saved["distribution"], saved["version"]) != (origin.distribution, origin.version) and saved["version"]:
            advice = f" Install what it was made with: pip install '{saved['distribution']}=={saved['version']}'"
        raise BundleError(
            f"{folder}: its options do not fit the installed {kind} '{saved['use']}' from {origin} "
            f"(the bundle was made with {made}): {error}{advice}"
        ) from error


def _options_now(kind: str, saved: Mapping[str, Any], plugins: PluginManager) -> dict[str, Any]:
    """The options that a bundle keeps, as the installed version of their component has them.

    A factory whose options were renamed since has an attribute `upgrade_options`: a function of the saved options
    and the version that they were saved with, which returns those of today.
    """
    options: dict[str, Any] = copy.deepcopy(saved["options"])
    component = plugins.component(kind, saved["use"])
    upgrade = getattr(component.factory, "upgrade_options", None)
    if upgrade is None or component.origin.version == saved["version"]:
        return options
    with blame(f"{component.label} from {component.origin}", f"upgrading options of {saved['version']}"):
        return dict(upgrade(options, saved["version"]))


def changed_versions(described: Mapping[str, Any], parts: Mapping[str, Part]) -> str:
    """Which distributions differ from those the bundle was made with, and what to do."""
    changed = []
    for kind, part in parts.items():
        saved, origin = described[kind], part.component.origin
        if (saved["distribution"], saved["version"]) != (origin.distribution, origin.version):
            changed.append(f"{part.label} was {saved['distribution']} {saved['version']} and is {origin}")
    with suppress(metadata.PackageNotFoundError):
        if not changed and described["textforge"] != metadata.version("textforge"):
            changed.append(f"textforge was {described['textforge']} and is {metadata.version('textforge')}")
    return f"({'; '.join(changed)}. Install what it was made with.)" if changed else ""
