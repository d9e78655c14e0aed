"""What to tune: a recipe, or data for which a recipe is to be found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.errors import DataError, RecipeError, shown_line
from textforge.recipes.document import from_python
from textforge.recipes.merge import read_overrides
from textforge.recipes.paths import absolute
from textforge.runs.own_data import HELD_OUT
from textforge.runs.tuning.candidates import Candidate, of_recipe, portfolio

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset

RECIPES = (".yaml", ".yml")


@dataclass
class Source:
    """The data to tune on, and the recipe if there is one."""

    name: str
    """For the folder of the tuning."""
    title: str
    """For sentences."""
    part: Part
    seed: int
    plugins: PluginManager
    candidate: Candidate | None = None
    """The recipe; None for data alone."""
    given: bool = False
    """Whether the data are in memory."""

    def load(self) -> Dataset:
        """Load the data. With too few texts to hold out a test split, all are training texts, as `init` does it.

        Raises:
            DataError: they cannot be read, or have one class only.
            RecipeError: they are a stream.
        """
        from textforge.data.dataset import as_dataset
        from textforge.data.streams import Stream

        try:
            found = as_dataset(self.part, self.seed)
            few = self.candidate is None and found.test is not None and len(found.test[0]) == 1
        except DataError as error:
            if self.candidate is not None or self.given or "too few to hold out" not in str(error):
                raise
            few = True
        fields = self.part.component.options.fields
        if few and not self.given and HELD_OUT[0] in fields:
            options = {**self.part.options, HELD_OUT[0]: 0.0}
            self.part = Part(self.part.component, options)
            found = as_dataset(self.part, self.seed)
        if isinstance(found.train, Stream):
            raise RecipeError(
                f"{self.part.label}: train is a stream; tuning divides texts in memory. Tune on a part of the texts, "
                "then run the recipe on all of them."
            )
        found.labels()
        return found

    def candidates(self, data: Dataset, seconds: float | None) -> tuple[list[Candidate], list[str]]:
        """The recipes to begin with, and which are left out, with the reasons.

        Args:
            data: the loaded data.
            seconds: the budget; None for no limit.
        """
        if self.candidate is not None:
            return [self.candidate], []
        return portfolio(data, self.part, self.seed, seconds, self.plugins)


def read_source(
    source: str | Path | Mapping[str, Any] | None,
    *,
    dataset: Part | None,
    overrides: Mapping[str, Any] | Iterable[str],
    seed: int | None,
    plugins: PluginManager,
) -> Source:
    """Find out what to tune; the arguments are those of `tune`, with the dataset as a part.

    Raises:
        RecipeError: the recipe or an option of the dataset is wrong.
        DataError: no dataset recognizes the data.
    """
    if source is None:
        if dataset is None:
            raise RecipeError("tune needs data or a recipe, or a dataset in memory.")
        return Source("data", "data in memory", dataset, seed or 0, plugins, given=True)
    if isinstance(source, Mapping) or Path(source).suffix.lower() in RECIPES:
        given = {**overrides} if isinstance(overrides, Mapping) else [*overrides]
        if seed is not None:
            given = {**given, "seed": seed} if isinstance(given, dict) else [*given, f"seed={seed}"]
        candidate = of_recipe(source, given, plugins, dataset)
        recipe = candidate.recipe
        return Source(
            recipe.name, recipe.path.name if recipe.path else "a recipe", recipe.dataset, recipe.seed, plugins,
            candidate, given=dataset is not None,
        )  # fmt: skip
    if dataset is not None:
        raise RecipeError("give a path of data or a dataset in memory, not both.")
    path = Path(source)
    part = _recognized(path, overrides, plugins)
    name = re.sub(r"[^\w-]+", "-", path.resolve().name.partition(".")[0]).strip("-") or "data"
    return Source(name, shown_line(path.name), part, seed or 0, plugins)


def _recognized(path: Path, overrides: Mapping[str, Any] | Iterable[str], plugins: PluginManager) -> Part:
    """The dataset that reads a file or a folder, with the options that it finds, and those that are given."""
    from textforge.data.recognition import recognize

    name, looked = recognize(path, plugins)
    options = dict(looked["options"])
    given = (
        overrides
        if isinstance(overrides, Mapping)
        else [f"dataset.{one.removeprefix('dataset.')}" for one in overrides]
    )
    read, mistakes = read_overrides(given)
    if mistakes:
        raise RecipeError(mistakes)
    options |= {".".join(keys[1:]): node.plain() for keys, node in read}
    part = plugins.part("dataset", name, **options)
    fixed: dict[str, Any] = {}
    for option, value in part.options.items():  # so that best.yaml can be run from anywhere
        fixed[option], missing = absolute(value, from_python(None, str(path)), f"{part.label}: {option}")
        mistakes += missing
    if mistakes:
        raise RecipeError(mistakes)
    return Part(part.component, fixed)
