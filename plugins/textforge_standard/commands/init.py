"""Command `init`: a recipe for data that nobody has described yet."""

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

from textforge.errors import shown_json, shown_line
from textforge_standard.commands.init_recipe import describe, recipe_text

ALREADY = "{}: is there already, and nothing is overwritten. Name another file with -o."


@click.command("init")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The recipe to write; by default DATA's name.yaml."
)
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
def command(data: Path, output: Path | None, as_json: bool) -> None:
    """Look at DATA, a file or a folder of labelled texts, and write a recipe for it.

    The recipe says in comments what was seen, which columns were taken and why, and what to type next.
    Nothing is overwritten.
    """
    from textforge import RecipeError

    stem = re.sub(r"[^\w-]+", "-", data.resolve().name.partition(".")[0]).strip("-")
    recipe = output or Path(f"{stem or 'recipe'}.yaml")
    if os.path.lexists(recipe):
        raise RecipeError(ALREADY.format(recipe))
    with redirect_stdout(sys.stderr):  # whatever a plugin prints is no result
        name, looked = look(data)
        dataset, options = build(name, dict(looked["options"]))
    remarks = [*looked.get("remarks", ()), *describe(dataset), *dataset.warnings, *dataset.remarks()]
    options = relative(options, recipe.parent)
    text = recipe_text(data, recipe, {"use": name, **options}, dict(looked.get("why", {})), remarks, dataset)
    write(recipe, text)
    if as_json:
        told = {"recipe": str(recipe), "dataset": {"use": name, **options}, "remarks": remarks}
        click.echo(shown_json(json.dumps(told, ensure_ascii=False)))
        return
    click.echo(f"wrote {shown_line(str(recipe))}\n")
    for remark in remarks:
        click.echo(textwrap.fill(shown_line(remark), 100, initial_indent="- ", subsequent_indent="  "))
    typed = shown_line(shlex.quote(str(recipe)))
    click.echo(f"\nnext:\n  textforge check {typed}\n  textforge run {typed}")


def look(data: Path) -> tuple[str, dict[str, Any]]:
    """The dataset component that knows what `data` is, and what it says of it.

    Raises:
        DataError: none does, or those that might cannot read it.
    """
    from textforge import DataError, PluginError, PluginManager, TextforgeError
    from textforge.errors import listed

    if not data.exists():
        raise DataError(f"{data}: there is no such file or folder.")
    found, refused, able = {}, [], []
    for component in PluginManager().components("dataset"):
        try:
            look_at = getattr(component.factory, "look_at", None)
        except PluginError:
            continue
        if look_at is None:
            continue
        able.append(component.name)
        try:
            if looked := look_at(data):
                found[component.name] = dict(looked)
        except TextforgeError as error:
            refused.append(error)
        except Exception as error:  # another's code: the other datasets may know
            refused.append(DataError(f"{component.label} from {component.origin} cannot look at {data}: {error}."))
    if not found:
        if refused:
            raise refused[0]
        raise DataError(
            f"{data}: no dataset knows what this is. Those that can look at data: {listed(able)}. "
            "A file's suffix tells its format: .csv, .tsv, .jsonl, .parquet; a folder needs one folder a class."
        )
    name, *others = found
    looked = found[name]
    if others:
        looked["remarks"] = [*looked.get("remarks", ()), f"The dataset {listed(others)} could read it, too."]
    return name, looked


def build(name: str, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The data as the recipe will load them, and the options that do; a few texts are all trained on."""
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
    if few and holds_out:  # one text tests nothing, and may teach something
        options["test_fraction"] = 0.0
        dataset = plugins.part("dataset", name, **options).build({"seed": 0})
    dataset.labels()  # refuses a single class
    return dataset, options


def relative(value: Any, folder: Path) -> Any:
    """Options as a recipe in `folder` writes them."""
    if isinstance(value, dict):
        return {name: relative(one, folder) for name, one in value.items()}
    if isinstance(value, list):
        return [relative(one, folder) for one in value]
    if isinstance(value, Path):
        try:
            return Path(os.path.relpath(value, folder)).as_posix()
        except ValueError:  # another drive
            return value.resolve().as_posix()
    return value


def write(path: Path, text: str) -> None:
    """Write a new file, whole or not at all.

    Raises:
        RecipeError: it is there already, or its folder is not.
        StorageError: it cannot be written.
    """
    from textforge import RecipeError, StorageError

    if not path.parent.is_dir():
        raise RecipeError(f"{path}: there is no folder {path.parent}. Make it, or name another file with -o.")
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError as error:
        raise RecipeError(ALREADY.format(path)) from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}.") from error
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink()
        raise StorageError(f"{path}: cannot be written: {error.strerror}.") from error
