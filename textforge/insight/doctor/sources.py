"""The data to examine: a dataset, the dataset of a recipe, or files that an installed dataset recognizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textforge.components.manager import PluginManager
from textforge.data.dataset import Dataset, as_dataset
from textforge.data.recognition import recognize
from textforge.errors import RecipeError
from textforge.recipes.merge import read_overrides
from textforge.recipes.recipe import load_dataset_part
from textforge.runs.own_data import HELD_OUT

RECIPES = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """A loaded dataset, and the name of the component that read it."""

    dataset: Dataset
    component: str | None = None


def load_source(
    data: str | Path | Dataset, test: str | Path | None, overrides: Iterable[str], plugins: PluginManager
) -> Source:
    """Load data. Nothing is held out of a file, so that its rows keep their numbers.

    Args:
        data: a dataset, the path of a recipe, or the path of a file or folder of labelled texts.
        test: a file of test texts, in the format of `data`, which is then a file too.
        overrides: overrides of a recipe, such as "dataset.text=review"; for a file, options of its dataset, such as
            "text=review".
        plugins: the installed plugins.

    Raises:
        RecipeError: the recipe or an option is wrong.
        DataError: no dataset recognizes the data, or they cannot be read.
    """
    given = [*overrides]
    if isinstance(data, Dataset):
        if test is not None or given:
            raise RecipeError("a dataset needs no test file and no overrides. Give it the test split.")
        return Source(data)
    path = Path(data)
    if path.suffix.lower() in RECIPES and path.is_file():
        if test is not None:
            raise RecipeError(f"{path}: the recipe names its data. Override them, as in -s dataset.test={test}.")
        part, seed = load_dataset_part(path, overrides=given, plugins=plugins)
    else:
        name, looked = recognize(path, plugins)
        options = dict(looked["options"])
        fields = plugins.component("dataset", name).options.fields
        options |= {option: 0.0 for option in HELD_OUT if option in fields}
        if test is not None:
            if "test" not in fields:
                raise RecipeError(f"{path}: the dataset '{name}' that reads it takes no test file.")
            options["test"] = Path(test)
        read, mistakes = read_overrides(f"dataset.{option.removeprefix('dataset.')}" for option in given)
        if mistakes:
            raise RecipeError(mistakes)
        options |= {".".join(keys[1:]): node.plain() for keys, node in read}
        part, seed = plugins.part("dataset", name, **options), 0
    names = [name for name, component in plugins.named("dataset").items() if component == part.component]
    return Source(as_dataset(part, seed), next(iter(names), None))
