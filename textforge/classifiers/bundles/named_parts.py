"""The components that a bundle was made with, found again among those installed, in whatever version."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from textforge.classifiers.bundles.description import Description, SavedPart, is_distribution, is_version
from textforge.components.api_version import pip_install
from textforge.components.component import IN_CODE, Origin
from textforge.components.manager import PluginManager
from textforge.components.nested import AnyPart, OptionMistake, OptionPath, with_value
from textforge.components.option_errors import dotted
from textforge.components.options import jsonable
from textforge.components.part import Part, plugin_errors
from textforge.errors import BundleError, ComponentError, PluginError, RecipeError

CLAIM = "A bundle names what its author says: check the name and who offers it before you install it."


def named(part: Part) -> dict[str, Any]:
    """How a bundle names a part, and the parts within it: component, options, and the version it was made with."""
    distribution, version = _stated(part.component.origin)
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
    """A part within another, as a bundle names it."""

    def __init__(self, described: dict[str, Any]) -> None:
        self._described = described

    def as_recipe(self) -> dict[str, Any]:
        return self._described


def _stated(origin: Origin) -> tuple[str, str]:
    """Distribution and version as a bundle has them: what pip could not install is not stated."""
    if not is_distribution(origin.distribution):
        return IN_CODE.distribution, ""
    return origin.distribution, origin.version if is_version(origin.version) else ""


def saved_part(kind: str, saved: SavedPart, plugins: PluginManager, folder: Path) -> Part:
    """The part that a bundle names, of whatever version is installed; parts within it likewise.

    Raises:
        BundleError: it is not installed, or the version installed does not take its options.
    """

    def inner(kind: str, section: Any, place: OptionPath) -> tuple[Part, list[OptionMistake]]:
        try:
            described = SavedPart.model_validate(section)
        except ValidationError as error:
            raise BundleError(f"{folder}: damaged: {kind} '{saved.use}' names no part at {dotted(place)}.") from error
        return saved_part(kind, described, plugins, folder), []

    install = pip_install(f"{saved.distribution}=={saved.version}")
    try:
        component = plugins.component(kind, saved.use)
        return Part(component, component.options.accepted(_options_now(kind, saved, plugins), inner))
    except PluginError as error:
        if saved.use in plugins.names(kind) or not saved.version:
            raise BundleError(f"{folder}: {error}") from error
        raise BundleError(
            f"{folder}: needs {kind} '{saved.use}' from the distribution {saved.made_with}, which is not "
            f"installed. {CLAIM} Install it: {install}"
        ) from error
    except ComponentError as error:
        raise BundleError(f"{folder}: {error}") from error
    except RecipeError as error:
        origin = plugins.component(kind, saved.use).origin
        advice = ""
        if (saved.distribution, saved.version) != _stated(origin) and saved.version:
            advice = f" {CLAIM} Install what it was made with: {install}"
        raise BundleError(
            f"{folder}: its options do not fit the installed {kind} '{saved.use}' from {origin} "
            f"(the bundle was made with {saved.made_with}): {' '.join(str(error).split())}{advice}"
        ) from error


def _options_now(kind: str, saved: SavedPart, plugins: PluginManager) -> dict[str, Any]:
    """The options that a bundle keeps, as the installed version of their component has them.

    A factory whose options were renamed since has an attribute `upgrade_options`: a function of the saved options
    and the version that they were saved with, which returns those of today.
    """
    options: dict[str, Any] = copy.deepcopy(saved.options)
    component = plugins.component(kind, saved.use)
    upgrade = getattr(component.factory, "upgrade_options", None)
    if upgrade is None or _stated(component.origin)[1] == saved.version:
        return options
    with plugin_errors(f"{component.label} from {component.origin}", f"upgrading options of {saved.version}"):
        return dict(upgrade(options, saved.version))


def changed_versions(described: Description, parts: Mapping[str, Part]) -> str:
    """Which distributions differ from those the bundle was made with, and what to do."""
    changed = []
    for saved, part in ((described.vectorizer, parts["vectorizer"]), (described.model, parts["model"])):
        origin = part.component.origin
        if (saved.distribution, saved.version) != _stated(origin):
            changed.append(f"{part.label} was {saved.made_with} and is {origin}")
    with suppress(metadata.PackageNotFoundError):
        if not changed and described.textforge != metadata.version("textforge"):
            changed.append(f"textforge was {described.textforge} and is {metadata.version('textforge')}")
    return f"({'; '.join(changed)}. Install what it was made with. {CLAIM})" if changed else ""
