"""The runs of several seeds as tasks, which need nothing of this machine but what they bring along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.errors import RecipeError, Scratch
from textforge.recipes.given_data import GIVEN, LoadedPart, given_dataset, loaded_part
from textforge.recipes.recipe import Recipe
from textforge.runs import folder as run_folder
from textforge.runs.progress import Progress
from textforge.runs.resuming import Reference
from textforge.runs.saved_plan import SavedPlan
from textforge.runs.tasks import Task

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset


class SeedTasks:
    """Makes a task of the run of each seed; the arguments are those of `Several`."""

    def __init__(
        self, recipe: Recipe, path: Path, plan: SavedPlan, plugins: PluginManager | None, *, anyway: bool = False
    ) -> None:
        self._recipe, self._path, self._plan = recipe, path, plan
        self._plugins, self._anyway = plugins, anyway
        self._data: LoadedPart | None = None

    def of(self, seeds: Iterable[int], progress: Progress) -> Iterator[Task]:
        """Yield the task of each seed, with its data. Its value is the seed.

        Raises:
            RecipeError: the data are a stream given in code.
        """
        environment, streams = self._environment(), self._recipe.dataset.streams
        if streams and self._recipe.dataset.component.name == GIVEN:
            raise RecipeError("a stream that is given in code cannot be sent to other machines. Run the seeds here.")
        # without the data, which only `shared` has
        recipe = self._recipe if streams else replace(self._recipe, dataset=given_dataset(None))
        for seed in seeds:
            arguments = {
                "recipe": recipe, "path": self._path, "plan": self._plan, "plugins": self._plugins,
                "anyway": self._anyway, "seed": seed, "environment": environment,
            }  # fmt: skip
            data = None if streams else self._loaded(seed, progress)
            yield Task(f"seed {seed}", run_seed, arguments, data, self._path / f"seed-{seed}")

    def _loaded(self, seed: int, progress: Progress) -> LoadedPart:
        """The dataset part with its data; the same object for seeds that have the same data."""
        from textforge.data.dataset import as_dataset

        part = self._recipe.dataset
        if self._data is not None and not part.asks_for("seed"):
            return self._data
        if self._data is None:
            progress.stage(f"loading {part.label}")
        dataset = as_dataset(part, seed)
        if self._data is None or _identity(dataset) != _identity(self._data.data):
            self._data = loaded_part(part, dataset)
        return self._data

    def _environment(self) -> str | None:
        """The environment.json of the first run that has begun; None before there is one."""
        for seed in self._plan.seeds or ():
            file = self._path / f"seed-{seed}" / run_folder.ENVIRONMENT
            if file.is_file():
                return file.read_text(encoding="utf-8")
        return None


def _identity(dataset: Dataset) -> tuple[Any, ...]:
    """What tells datasets apart that one factory makes with different seeds."""
    return dataset.fingerprint(), dataset.groups, dataset.warnings


def run_seed(
    shared: LoadedPart | None,
    folder: Path,
    progress: Progress,
    *,
    recipe: Recipe,
    environment: str | None,
    seed: int,
    **several: Any,
) -> int:
    """The work of a task: run a seed in its folder, or continue it.

    Args:
        shared: the dataset with its data; None for one that is read here.
        folder: the run folder.
        progress: shows the messages of the run.
        recipe: the recipe, with any seed.
        environment: the environment.json of a run with another seed; None if there is none.
        seed: the seed.
        several: the other arguments of `Several`.

    Raises:
        TextforgeError: or a subclass, as `run_seeds` does.
    """
    from textforge.runs.seeds import Several

    dataset: Part = recipe.dataset if shared is None else shared
    recipe = replace(recipe, dataset=dataset)
    if environment is not None:
        with Scratch() as scratch:
            (scratch.path / run_folder.ENVIRONMENT).write_text(environment, encoding="utf-8")
            reference = Reference(scratch.path, anyway=several["anyway"])
        reference.refuse_other_environment(recipe)
    Several(recipe, progress=progress, **several).run(seed, folder)
    return seed
