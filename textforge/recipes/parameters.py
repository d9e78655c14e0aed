"""Map recipe keys to scikit-learn parameters: `model` names the part, `model__hidden` is its option `hidden`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from textforge.components.kinds import KINDS, LISTED, SECTIONS
from textforge.components.manager import PluginManager
from textforge.components.option_errors import unknown_option
from textforge.components.options import Options
from textforge.components.settings import OF_RUNS, DecisionSettings, TrainerSettings
from textforge.errors import Mistake, Place, PluginError, RecipeError, TextforgeError, did_you_mean, listed
from textforge.recipes.document import KEYS
from textforge.recipes.given_data import given_dataset
from textforge.recipes.recipe import Recipe, load_recipe

NO_PARAMETERS = {
    "extends": "it is read with the recipe",
    "init_from": "fit begins anew",
    "dataset": "the texts are those given to fit",
    "callbacks": "they follow runs, and fit is not a run",
    "tune": "it is for textforge tune, and fit tries nothing",
}
"""Recipe keys that are not parameters, each with the reason."""

NAMES = tuple(key for key in KEYS if key not in NO_PARAMETERS)
SETTINGS: dict[str, type[Any]] = {"trainer": TrainerSettings, "decision": DecisionSettings}


_GIVEN = given_dataset(None)
"""The texts given to `fit`."""


def recipe_of(recipe: Any, overrides: Any, plugins: Any) -> Recipe:
    """The validated recipe of an estimator with these parameters; its dataset section is ignored.

    Args:
        recipe: path, dict or validated `Recipe`.
        overrides: dict from dotted key to value, or None.
        plugins: a `PluginManager`, or None for all installed plugins.

    Raises:
        RecipeError: the recipe is invalid, or an argument has the wrong type.
    """
    overrides = _dotted(overrides)
    plugins = _manager(plugins)
    if isinstance(recipe, Recipe):
        if not overrides:
            return recipe
        recipe = recipe.resolved()
    if not isinstance(recipe, (str, os.PathLike, Mapping)):
        raise RecipeError(f"a recipe is a path, a dict or a checked Recipe, not a {type(recipe).__name__}.")
    source = recipe if isinstance(recipe, Mapping) else Path(recipe)
    return load_recipe(source, overrides=overrides, plugins=plugins, dataset=_GIVEN)


def parameters(recipe: Recipe) -> dict[str, Any]:
    """Every parameter of a recipe with its value; None for a missing part."""
    resolved = {
        **dict.fromkeys(SECTIONS),
        **{KINDS[kind].many: [] for kind in LISTED},
        **recipe.resolved(),
    }
    resolved["trainer"] = {key: value for key, value in resolved["trainer"].items() if key not in OF_RUNS}
    flat = _flat({key: resolved[key] for key in NAMES})
    within = [item for key, value in flat.items() for item in _of_inner_parts(key, value)]
    return {key.replace(".", "__"): value for key, value in [*flat.items(), *within]}


def _of_inner_parts(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the options of the parts inside an option, with dotted keys: `vectorizer.of.0.ngrams`."""
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    if isinstance(value, dict) and "use" in value:
        for name, option in value.items():
            if name != "use":
                yield f"{key}.{name}", option
                yield from _of_inner_parts(f"{key}.{name}", option)
        return
    for name, item in items:
        yield from _of_inner_parts(f"{key}.{name}", item)


def changed(recipe: Any, overrides: Any, plugins: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply changes to overrides; replacing a part drops the overrides of its options.

    Raises:
        RecipeError: a change names an unknown key, part or option.
    """
    plugins = _manager(plugins)
    old, new = _flat(_dotted(overrides)), _flat(changes)
    used = {kind: old[kind] for kind in SECTIONS if kind in old}
    with suppress(TextforgeError):  # fit reports mistakes in the recipe
        used |= {kind: part.component.lasting_name for kind, part in recipe_of(recipe, old, plugins).parts.items()}
    same = {kind for kind, name in used.items() if _is(new.get(kind), name, kind, plugins)}
    replaced = tuple(f"{key}." for key in new if key not in same)
    _refuse_unknown(new, {**used, **{kind: new[kind] for kind in SECTIONS if kind in new}}, plugins)
    return {**{key: value for key, value in old.items() if not key.startswith(replaced)}, **new}


def _is(name: Any, other: Any, kind: str, plugins: PluginManager) -> bool:
    """Whether two values of a section are names of the same component."""
    return isinstance(name, str) and isinstance(other, str) and plugins.same(name, other, kind)


def _manager(plugins: Any) -> PluginManager:
    if not isinstance(plugins, PluginManager | None):
        raise RecipeError(f"plugins must be a PluginManager, not a {type(plugins).__name__}.")
    return plugins or PluginManager()


def _dotted(overrides: Any) -> Mapping[str, Any]:
    if overrides is None:
        return {}
    if not isinstance(overrides, Mapping) or not all(isinstance(key, str) for key in overrides):
        raise RecipeError("overrides must be a dict of dotted keys to values, as in {'optimizer.lr': 0.1}.")
    return overrides


def _flat(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten overrides to a key per option: `{"model": {"use": "x", "hidden": [9]}}` is model=x, model.hidden=[9]."""
    flat: dict[str, Any] = {}
    for key, value in overrides.items():
        section, _, option = key.partition(".")
        if isinstance(value, Mapping) and not option and section in (*SECTIONS, *SETTINGS):
            flat |= _flat({f"{section}.{name}": one for name, one in value.items()})
        else:
            flat[section if option == "use" and section in SECTIONS else key] = value
    return flat


def _refuse_unknown(changes: Mapping[str, Any], used: Mapping[str, Any], plugins: PluginManager) -> None:
    """Raise a `RecipeError` for unknown keys, parts and options; messages suggest the nearest known name."""
    mistakes = [
        Mistake(wrong, Place(key.replace(".", "__")))
        for key in changes
        if (wrong := _unknown(key, changes, used, plugins))
    ]
    if mistakes:
        raise RecipeError(mistakes)


def _unknown(key: str, changes: Mapping[str, Any], used: Mapping[str, Any], plugins: PluginManager) -> str | None:
    section, _, option = key.partition(".")
    option = option.partition(".")[0]
    if section == "trainer" and option in OF_RUNS:
        return f"'{section}.{option}' is not a parameter: it is for runs, and fit is not a run."
    if section in NO_PARAMETERS:
        return f"'{section}' is not a parameter: {NO_PARAMETERS[section]}."
    if section not in NAMES:
        return f"unknown key '{section}'. Keys: {listed(NAMES)}.{did_you_mean(section, NAMES)}"
    if section in SETTINGS:
        options = Options(SETTINGS[section], section)
    elif isinstance(name := used.get(section), str):
        try:
            component = plugins.component(section, name)
            options = component.options
            if component.declared("upgrade_options", None) is not None:
                return None  # the option may be known by an earlier name; the recipe is checked as a whole
        except PluginError as error:
            return None if option and section in changes else str(error)  # the part's own key reports it
    else:
        return None
    return unknown_option(options.label, option, options.fields) if option and option not in options.fields else None
