"""The recipes that a tuning begins with: the one it was given, or the portfolio for data without a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.data.dataset import Dataset
from textforge.errors import PluginError, RecipeError
from textforge.recipes.document import from_python, read_document
from textforge.recipes.reading import ReadRecipe, read_recipe
from textforge.recipes.recipe import Recipe, Variants, load_recipe
from textforge.recipes.tune_default import default_space
from textforge.recipes.tune_section import with_values
from textforge.recipes.tune_values import TuneSpace, trusted_space

PORTFOLIO = Path(__file__).with_name("portfolio.yaml")
ABOUT = ("name", "why", "budget", "quick", "texts")
"""Keys of an entry of the portfolio that are not of its recipe."""
ENOUGH = 100
"""Number of training texts from which some are held out to fit thresholds of texts with several labels."""


@dataclass(frozen=True)
class Candidate:
    """A recipe, and the values to search around it."""

    name: str
    why: str
    recipe: Recipe
    read: ReadRecipe
    space: TuneSpace
    plugins: PluginManager
    dataset: Part
    quick: bool = False
    """Whether it takes much less time than the default."""

    @cached_property
    def variants(self) -> Variants:
        """The recipe without its `tune:` section, to set other values in."""
        return Variants(self.read, self.plugins, self.dataset)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The value of each dimension in the recipe itself, where it is one that the space holds."""
        resolved, found = self.recipe.resolved(), dict[str, Any]()
        for dimension in self.space.active(found):
            value: Any = resolved
            for step in dimension.key.split("."):
                value = _within(value, step)
            if isinstance(value, dict) and "use" in value and dimension.key.count(".") == 0:
                value = self.read.root.plain().get(dimension.key, value)
            if value in dimension:
                found[dimension.key] = value
        return found

    def with_values(self, values: Mapping[str, Any]) -> Recipe:
        """The recipe with these values.

        Raises:
            RecipeError: they contradict each other.
        """
        return self.variants.check(with_values(self.variants, values))


def _within(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, (list, tuple)) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None


def of_recipe(
    source: str | Path | Mapping[str, Any], overrides: Any, plugins: PluginManager, dataset: Part | None
) -> Candidate:
    """The candidate of a recipe: its space is that of its `tune:` section, or else of its parts' own ranges.

    Raises:
        RecipeError: the recipe is wrong, begins with another classifier, or leaves nothing to search.
    """
    recipe = load_recipe(source, overrides=overrides, plugins=plugins, dataset=dataset)
    if recipe.init_from is not None:
        raise RecipeError("init_from is for runs: trials begin anew, on texts that nothing has seen. Remove it.")
    space = default_space(recipe) if recipe.tune is None else recipe.tune
    if not space.dimensions:
        raise RecipeError(
            "there is nothing to tune: the recipe has no 'tune' section, and its parts state no ranges. "
            "Add one, as in tune: {model.C: {low: 0.1, high: 10, log: true}}."
        )
    read = read_recipe(source, overrides, plugins.same)
    why = "the recipe as it is written"
    return Candidate(recipe.name, why, recipe, read, space, plugins, recipe.dataset)


def portfolio(
    dataset: Dataset, part: Part, seed: int, seconds: float | None, plugins: PluginManager
) -> tuple[list[Candidate], list[str]]:
    """The candidates for data without a recipe, the default first, and why others are left out.

    Args:
        dataset: the data.
        part: the dataset as part of a recipe.
        seed: the seed of each recipe.
        seconds: the whole time; candidates that need more are left out.
        plugins: registry in which components are looked up.
    """
    found, left_out = list[Candidate](), list[str]()
    for entry in _entries(dataset.n_train):
        if seconds is not None and seconds < entry.get("budget", 0):
            left_out.append(f"{entry['name']}: it needs a budget of at least {entry['budget']} s")
            continue
        try:
            found.append(_candidate(entry, dataset, part, seed, plugins))
        except (PluginError, RecipeError) as error:
            if not found:  # the default
                raise
            first = error.mistakes[0].message if isinstance(error, RecipeError) else str(error)
            left_out.append(f"{entry['name']}: {first}")
    return found, left_out


def _entries(n_texts: int) -> list[dict[str, Any]]:
    """The entries of the portfolio for so many training texts; one for large data is the default there."""
    _, document = read_document(PORTFOLIO)
    entries: list[dict[str, Any]] = [one for one in document.plain() if n_texts >= one.get("texts", 0)]
    return sorted(entries, key=lambda one: "texts" not in one)


def _candidate(entry: Mapping[str, Any], dataset: Dataset, part: Part, seed: int, plugins: PluginManager) -> Candidate:
    given: dict[str, Any] = {key: value for key, value in entry.items() if key not in ABOUT}
    if dataset.multi_label:
        given |= _for_several_labels(dataset, given)
    tune = given.pop("tune", {})
    source = {"seed": seed, **given}
    recipe = load_recipe(source, plugins=plugins, dataset=part)
    read = read_recipe(source, (), plugins.same)
    space = trusted_space(from_python(tune, entry["name"]))  # a test validates its values; here that would take seconds
    quick = bool(entry.get("quick", False))
    return Candidate(str(entry["name"]), str(entry["why"]), recipe, read, space, plugins, part, quick)


def _for_several_labels(dataset: Dataset, given: Mapping[str, Any]) -> dict[str, Any]:
    """Thresholds that are fitted on validation texts, as `textforge init` writes them."""
    has_texts, trainer = dataset.valid is not None, dict(given.get("trainer", {}))
    if not has_texts and dataset.n_train >= ENOUGH:
        has_texts = True
        trainer["validation"] = 0.1
    return {"trainer": trainer, **({"decision": {"threshold": "f1"}} if has_texts else {})}
