"""Command `init`: inspect data, and write a first recipe for it."""

import json
import os
import re
import shlex
import sys
import textwrap
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from textforge import FileUrl
from textforge.errors import shown_json, shown_line

ALREADY = "{}: exists already, and init overwrites no file. Name another file with -o."


@click.command("init")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The recipe to write; DATA's name with .yaml by default."
)
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
def command(data: Path, output: Path | None, as_json: bool) -> None:
    """Inspect DATA, a file or a folder of labelled texts, and write a recipe for it.

    Comments in the recipe describe the data, say which columns were chosen and why, and list the next commands. An
    existing file is never overwritten.
    """
    from textforge import PluginManager, RecipeError
    from textforge.data import recognize
    from textforge_standard.commands.init_check import try_recipe
    from textforge_standard.commands.init_recipe import Seen, describe, recipe_text
    from textforge_standard.commands.init_sample import sampled

    stem = re.sub(r"[^\w-]+", "-", data.resolve().name.partition(".")[0]).strip("-")
    recipe = output or Path(f"{stem or 'recipe'}.yaml")
    if os.path.lexists(recipe):
        raise RecipeError(ALREADY.format(recipe))
    with redirect_stdout(sys.stderr), sampled(data) as sample:  # output of a plugin is not part of the result
        name, looked = recognize(sample.data, PluginManager())
        dataset, options = build(name, dict(looked["options"]))
        found = [*looked.get("remarks", ()), *describe(dataset), *dataset.warnings, *dataset.remarks()]
        remarks = [*sample.remarks(), *sample.originals(found)]
        section = {"use": name, **relative(sample.originals(options), recipe.parent)}
        n_train = len(dataset.train[0]) * sample.scale
        seen = Seen(dataset, section, dict(looked.get("why", {})), remarks, n_train)
        text = recipe_text(data, recipe, seen)
        try_recipe(text, {"use": name, **relative(options, Path())}, dataset)
    write(recipe, text)
    if as_json:
        result = {"recipe": str(recipe), "dataset": seen.section, "remarks": remarks}
        click.echo(shown_json(json.dumps(result, ensure_ascii=False)))
        return
    click.echo(f"wrote {shown_line(str(recipe))}\n")
    for remark in remarks:
        click.echo(textwrap.fill(shown_line(remark), 100, initial_indent="- ", subsequent_indent="  "))
    typed = shown_line(shlex.quote(str(recipe)))
    click.echo(f"\nnext:\n  textforge check {typed}\n  textforge run {typed}")


def build(name: str, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load the data as the recipe will; return the dataset and its options, which hold out no text if there are few."""
    from textforge import DataError, PluginManager

    plugins = PluginManager()
    holds_out = "test_fraction" in plugins.component("dataset", name).options.fields
    try:
        dataset = plugins.part("dataset", name, **options).build({"seed": 0})
        few = dataset.test is not None and len(dataset.test[0]) == 1
    except DataError as error:
        if "too few to hold out" not in str(error) or not holds_out:
            raise
        few = True
    if few and holds_out:  # a test split of one text says nothing; train on it instead
        options["test_fraction"] = 0.0
        dataset = plugins.part("dataset", name, **options).build({"seed": 0})
    dataset.labels()  # raises DataError if there is only one class
    return dataset, options


def relative(value: Any, folder: Path) -> Any:
    """Options with paths relative to `folder`, as a recipe there writes them."""
    if isinstance(value, dict):
        return {name: relative(one, folder) for name, one in value.items()}
    if isinstance(value, list):
        return [relative(one, folder) for one in value]
    if isinstance(value, FileUrl):
        return str(value if value.path is None else value.at(relative(value.path, folder)))
    if isinstance(value, Path):
        try:
            return Path(os.path.relpath(value, folder)).as_posix()
        except ValueError:  # on another drive
            return value.resolve().as_posix()
    return value


def write(path: Path, text: str) -> None:
    """Write a new file completely, or not at all.

    Raises:
        RecipeError: the file exists, or its folder does not.
        StorageError: the file cannot be written.
    """
    from textforge import RecipeError
    from textforge.errors import storage_errors

    if not path.parent.is_dir():
        raise RecipeError(f"{path}: the folder {path.parent} does not exist. Create it, or name another file with -o.")
    with storage_errors(path):
        try:
            file = path.open("x", encoding="utf-8")
        except FileExistsError as error:
            raise RecipeError(ALREADY.format(path)) from error
        try:
            with file:
                file.write(text)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
