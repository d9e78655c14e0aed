"""Command `plugin new`: write a complete distribution with working parts for an author to edit."""

import json
import os
import re
import shlex
import shutil
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import click

from textforge.errors import new_folder, storage_errors
from textforge_standard.commands.plugin.scaffold import KINDS, LICENSES, Plugin, files

LONGEST = 40
"""Largest length of a name; a longer one would make lines of the generated code too long for linters."""


@click.command("new")
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    required=True,
    help="Kind of the first part; repeatable.",
)
@click.option("--description", default="", help="The purpose of the plugin, in one sentence.")
@click.option("--author", default="", help="The author, as in 'Ada Lovelace <ada@example.org>'.")
@click.option(
    "--license",
    type=click.Choice(tuple(LICENSES)),
    default="apache",
    show_default=True,
    help="The licence of the plugin.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write; textforge-NAME by default.")
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
def command(
    name: str, kinds: tuple[str, ...], description: str, author: str, license: str, out: Path | None, as_json: bool
) -> None:
    """Write a plugin called textforge-NAME, ready to install, test, run and publish.

    It contains a small working part of each KIND, a recipe that uses them, tests, a README, a licence and a workflow
    that runs the tests on GitHub. Existing files are never overwritten.
    """
    plugin = Plugin(
        name=checked_name(name),
        kinds=tuple(kind for kind in KINDS if kind in kinds),
        description=one_line("--description", description),
        author=checked_author(author),
        license=license,
    )
    refuse_taken(plugin)
    folder = out or Path(plugin.distribution)
    written = write(folder, files(plugin))
    if as_json:
        result = {"folder": str(folder), "distribution": plugin.distribution, "module": plugin.module, "files": written}
        click.echo(json.dumps(result, ensure_ascii=False))
        return
    click.echo(f"wrote {plugin.distribution} to {folder}:\n" + "".join(f"  {file}\n" for file in written))
    steps = [f"cd {shlex.quote(str(folder))}", "pip install -e '.[test]'", "pytest && textforge run recipe.yaml"]
    click.echo("next:\n" + "".join(f"  {step}\n" for step in steps), nl=False)


def checked_name(name: str) -> str:
    """Validate the name of a plugin, and return it without the prefix 'textforge-'.

    Raises:
        RecipeError: it is not a valid name; the message describes valid names.
    """
    from textforge import RecipeError

    short = name.removeprefix("textforge-")
    if short in ("null", "true", "false"):
        raise RecipeError(f"'{name}' cannot be a plugin's name: YAML does not read 'use: {short}' as text.")
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", short) and len(short) <= LONGEST:
        return short
    near = re.sub(r"[^a-z0-9]+", "-", short.lower().removeprefix("textforge_")).lstrip("-0123456789")
    near = near[:LONGEST].rstrip("-")
    meant = f" Did you mean '{near}'?" if near else ""
    raise RecipeError(
        f"'{name}' cannot be a plugin's name: a name has at most {LONGEST} small letters and digits in words joined by "
        f"'-', and begins with a letter, such as 'mean-pool'.{meant}"
    )


def one_line(option: str, text: str) -> str:
    """Validate a one-line text, and return it stripped.

    Raises:
        RecipeError: it is not one line of at most 500 printable characters.
    """
    from textforge import RecipeError

    if not text.isprintable() or len(text) > 500:
        raise RecipeError(f"{option} must be one line of at most 500 printable letters.")
    return text.strip()


def checked_author(author: str) -> str:
    """Validate an author: a name, an e-mail address in angle brackets, both, or nothing.

    Raises:
        RecipeError: it has another form.
    """
    from textforge import RecipeError

    author = one_line("--author", author)
    if not re.fullmatch(r"[^<>]*(<[^<>@\s]+@[^<>@\s]+>)?", author):
        raise RecipeError(f"--author '{author}': write it as 'Ada Lovelace <ada@example.org>', or the name alone.")
    return author


def refuse_taken(plugin: Plugin) -> None:
    """Refuse a plugin whose module or parts have the name of something installed, so that its short name is its own.

    Raises:
        RecipeError: a name is taken; the message names its owner and where it comes from.
    """
    from textforge import PluginManager, RecipeError

    installed = PluginManager()
    for kind in plugin.kinds:
        for component in installed.components(kind):
            if component.name == plugin.name and component.origin.distribution != plugin.distribution:
                raise RecipeError(
                    f"{component.label} is installed already, from {component.origin}, so that yours could be used "
                    f"only as '{plugin.distribution}/{plugin.name}'. Choose another name."
                )
    root = click.get_current_context().find_root()
    if "command" in plugin.kinds and isinstance(root.command, click.Group):
        taken = set(root.command.list_commands(root)) - set(installed.names("command"))
        if plugin.name in taken:
            raise RecipeError(f"textforge already has a command '{plugin.name}'. Choose another name.")
    with suppress(metadata.PackageNotFoundError):
        metadata.distribution(plugin.distribution)
        return  # an earlier version of this plugin, which pip replaces
    if find_spec(plugin.module):
        raise RecipeError(f"a Python module '{plugin.module}' is installed already. Choose another name.")


def write(folder: Path, contents: dict[str, str]) -> list[str]:
    """Write all files into a new or empty folder, or none; return their sorted names.

    Raises:
        RecipeError: the folder is not empty, or a file has its name.
        StorageError: the files cannot be written.
    """
    from textforge import RecipeError

    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        what = "is a folder that is not empty" if folder.is_dir() else "exists already and is not a folder"
        raise RecipeError(f"{folder}: {what}; nothing is overwritten. Name another folder with --out.")
    if not folder.exists():
        with new_folder(folder) as made:
            _fill(made, contents)
        return sorted(contents)
    try:
        with storage_errors(folder):
            _fill(folder, contents)
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        raise
    return sorted(contents)


def _fill(folder: Path, contents: dict[str, str]) -> None:
    for name, text in contents.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
