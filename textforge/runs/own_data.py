"""The dataset section of a run's recipe, and datasets that read another file with the same options."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.components.rows import ColumnKinds
from textforge.errors import BundleError, RecipeError
from textforge.recipes.document import read_document
from textforge.recipes.merge import read_overrides
from textforge.runs import folder as run_folder

HELD_OUT = ("test_fraction", "valid_fraction")
"""Dataset options that hold rows out. They are set to 0 when a whole file is read."""


def own_dataset(run: Path) -> dict[str, Any] | None:
    """The dataset section of a run's resolved recipe; None for a bundle outside a run folder.

    Raises:
        BundleError: the recipe has no dataset section.
    """
    if not (run / run_folder.RESOLVED).is_file():
        return None
    _, resolved = read_document(run / run_folder.RESOLVED)
    own = (resolved.mapping or {}).get("dataset")
    if own is None or own.mapping is None or "use" not in own.mapping:
        raise BundleError(f"{run}: its {run_folder.RESOLVED} is damaged: it names no dataset.")
    section: dict[str, Any] = own.plain()
    return section


def part_for_file(
    name: str,
    path: Path,
    run: Path | None,
    options: Iterable[str],
    plugins: PluginManager,
    *,
    columns: ColumnKinds | None = None,
) -> Part:
    """The dataset 'name' that reads a whole file, with the run's own options if its dataset has the same name.

    Args:
        name: the name of the dataset.
        path: the file.
        run: the run; None if there is none.
        options: overrides of the dataset's options, as in `["text=review"]`.
        plugins: the plugins to look the dataset up in.
        columns: the columns to bring beside the texts, with their kinds; by default none.

    Raises:
        RecipeError: an option is invalid, or names another file.
    """
    given: dict[str, Any] = {}
    if run is not None and (own := own_dataset(run)) and plugins.same(str(own.pop("use")), name, "dataset"):
        whole = ("train", "valid", "test", "stream")
        given = {key: value for key, value in own.items() if key not in whole}
    if plugins.component("dataset", name).declared("brings_columns", None) is not None:
        given["columns"] = dict(columns) if columns else None
    holds_out = [key for key in HELD_OUT if key in plugins.component("dataset", name).options.fields]
    given |= dict.fromkeys(holds_out, 0.0)
    read, mistakes = read_overrides(f"dataset.{option}" for option in options)
    if mistakes:
        raise RecipeError(mistakes)
    for keys, node in read:
        if keys[1] in ("train", "valid", "test"):
            raise RecipeError(f"--set {keys[1]}: the command already names the file to read ({path}).")
        given[".".join(keys[1:])] = node.plain()
    return plugins.part("dataset", name, **{**given, "train": str(path.resolve())})
