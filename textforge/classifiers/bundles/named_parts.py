"""Save the components of a bundle by name, and look them up again among the installed plugins."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from textforge.classifiers.bundles.description import UNNAMED, Description, SavedPart, is_distribution, is_version
from textforge.components.api_version import pip_install
from textforge.components.component import IN_CODE, Component, Origin
from textforge.components.installed import others_left_out
from textforge.components.manager import PluginManager
from textforge.components.names import normalized, qualified
from textforge.components.nested import AnyPart, OptionMistake, OptionPath, value_at, with_value
from textforge.components.option_errors import dotted
from textforge.components.options import jsonable
from textforge.components.part import Part
from textforge.components.requirements import is_installed, missing_dependencies
from textforge.components.upgrades import upgraded
from textforge.errors import BundleError, ComponentError, PluginError, RecipeError

CLAIM = (
    "These names come from the author of the bundle: check the distribution and its publisher before you install it."
)


def named(part: Part) -> dict[str, Any]:
    """Describe a part and its nested parts for a bundle: component name, options, distribution and version."""
    distribution, version = _installable(part.component.origin)
    options: Any = part.options
    for place, inner in part.parts:
        options = with_value(options, place, _Named(named(inner)))
    return {
        "use": part.component.name,
        "options": jsonable(options),
        "distribution": distribution,
        "version": version,
    }


class _Named(AnyPart):
    """A nested part, in the form in which a bundle stores it."""

    def __init__(self, described: dict[str, Any]) -> None:
        self._described = described

    def as_recipe(self) -> dict[str, Any]:
        return self._described


def _installable(origin: Origin) -> tuple[str, str]:
    """Return distribution and version for a bundle, leaving out those that pip could not install."""
    if not is_distribution(origin.distribution):
        return IN_CODE.distribution, ""
    return origin.distribution, origin.version if is_version(origin.version) else ""


def saved_part(kind: str, saved: SavedPart, plugins: PluginManager, folder: Path) -> Part:
    """Look up the part that a bundle names, and its nested parts, in the installed versions.

    Args:
        kind: the kind of component, such as 'vectorizer'.
        saved: the part, as the bundle describes it.
        plugins: the plugins to search.
        folder: the bundle folder, for the error message.

    Raises:
        BundleError: the component is not installed, or the installed version does not accept the saved options.
    """

    def inner(kind: str, section: Any, place: OptionPath) -> tuple[Part, list[OptionMistake]]:
        try:
            described = SavedPart.model_validate(section)
        except ValidationError as error:
            raise BundleError(f"{folder}: damaged: {kind} '{saved.use}' names no part at {dotted(place)}.") from error
        return saved_part(kind, described, plugins, folder), []

    install = pip_install(f"{saved.distribution}=={saved.version}")
    try:
        component = _recorded(kind, saved, plugins)
        if missing := missing_dependencies(component.origin.distribution):
            raise ComponentError(f"{component.label} cannot run: {missing}")
        return Part(component, component.options.accepted(_options_now(component, saved), inner))
    except _NotInstalledError as error:
        raise BundleError(f"{folder}: {_advice(kind, saved, plugins, install)}") from error
    except PluginError as error:
        raise BundleError(f"{folder}: {error}") from error
    except ComponentError as error:
        raise BundleError(f"{folder}: {error}") from error
    except RecipeError as error:
        origin = component.origin
        advice = ""
        if (saved.distribution, saved.version) != _installable(origin) and saved.version:
            advice = f" {CLAIM} Install the version that it was made with: {install}"
        raise BundleError(
            f"{folder}: its options do not fit the installed {kind} '{saved.use}' from {origin} "
            f"(the bundle was made with {saved.made_with}): {' '.join(str(error).split())}{advice}"
        ) from error


class _NotInstalledError(PluginError):
    """The distribution that a bundle names does not give the part, or is not installed."""


def _recorded(kind: str, saved: SavedPart, plugins: PluginManager) -> Component:
    """Look up a part in the distribution that the bundle names, whoever else has a part of that name.

    A part that was registered in code has no distribution, so any part of its name is accepted.

    Raises:
        PluginError: the part is not installed, or is broken.
    """
    for name in (qualified(saved.distribution, saved.use), *([saved.use] if saved.distribution in UNNAMED else [])):
        try:
            return plugins.component(kind, name)
        except PluginError as error:
            failed = error
    usable = {component.qualified_name for component in plugins.components(kind)}
    if qualified(saved.distribution, saved.use) in usable or (saved.distribution in UNNAMED and saved.use in usable):
        raise failed
    raise _NotInstalledError(str(failed)) from failed


def _advice(kind: str, saved: SavedPart, plugins: PluginManager, install: str) -> str:
    """Say what to do about a part that is not installed."""
    if saved.distribution in UNNAMED:
        return (
            f"needs {kind} '{saved.use}', which the program that trained it had registered in code. "
            "Register the plugin again: plugins = textforge.PluginManager(); plugins.register(…); "
            "textforge.load(…, plugins=plugins). Or install it as a distribution."
        )
    broken = [str(one) for one in plugins.broken
              if normalized(one.origin.distribution) == normalized(saved.distribution)]  # fmt: skip
    others = [f"'{one.qualified_name}'" for one in plugins.components(kind) if one.name == saved.use]
    another = f" The installed {' and '.join(others)} is another one." if others else ""
    needs = f"needs {kind} '{saved.use}' from the distribution {saved.made_with}"
    if broken:
        return f"{needs}, which is broken: {' '.join(broken)}{another}"
    if is_installed(saved.distribution) and (chosen := others_left_out()):
        return f"{needs}.{chosen}"
    if not saved.version:
        return f"{needs}, which is not installed.{another} {CLAIM}"
    return f"{needs}, which is not installed.{another} {CLAIM} Install it: {install}"


def _options_now(component: Component, saved: SavedPart) -> dict[str, Any]:
    """Convert the saved options to those of the installed version of the component."""
    if _installable(component.origin)[1] == saved.version:
        return copy.deepcopy(saved.options)
    return upgraded(component, saved.options, saved.version)


def changed_versions(described: Description, parts: Mapping[str, Part]) -> str:
    """List the distributions whose versions differ from those in the bundle, with advice; '' if none does."""
    vectorizer = _saved_origins(described.vectorizer, parts["vectorizer"])
    model = _saved_origins(described.model, parts["model"])
    changed = [
        f"{part.label} was {f'{distribution} {version}'.strip()} and is {part.component.origin}"
        for distribution, version, part in (*vectorizer, *model)
        if (distribution, version) != _installable(part.component.origin)
    ]
    with suppress(metadata.PackageNotFoundError):
        if not changed and described.textforge != metadata.version("textforge"):
            changed.append(f"textforge was {described.textforge} and is {metadata.version('textforge')}")
    return f"({'; '.join(changed)}. Install the versions that it was made with. {CLAIM})" if changed else ""


def _saved_origins(saved: SavedPart, part: Part) -> Iterator[tuple[str, str, Part]]:
    """Distribution and version that a bundle states for a part, and for each part within it."""
    yield saved.distribution, saved.version, part
    for place, inner in part.parts:
        yield from _saved_origins(SavedPart.model_validate(value_at(saved.options, place)), inner)
