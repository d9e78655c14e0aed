"""Options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from textforge.classifiers.streams.probabilities import MOST, as_limit
from textforge.errors import RecipeError

AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any] | click.Command)


class Probabilities(click.ParamType[int | str]):
    """A positive integer, or 'all'."""

    name = "probabilities"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        try:
            return as_limit(value) or "all"
        except RecipeError as error:
            self.fail(str(error), param, ctx)


def _set_grace(context: click.Context, option: click.Parameter, seconds: float) -> None:
    from textforge.cli import signals

    signals.set_grace(seconds)


class Declared(Protocol):
    """A decorator that adds an option or an argument to a command."""

    def __call__(self, command: AnyCommand, /) -> AnyCommand: ...


as_json: Declared = click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
debug: Declared = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
"""`failures.guarded` reads this option, wherever it appears on the command line."""
device: Declared = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Device to compute on.",
)
force: Declared = click.option("--force", is_flag=True, help="Overwrite an existing FILE.")
grace: Declared = click.option(
    "--grace", metavar="SECONDS", type=click.FloatRange(min=0), default=10.0, show_default=True, expose_value=False,
    callback=_set_grace, help="Time to save a checkpoint when SIGINT, SIGTERM or SIGHUP ends the run.",
)  # fmt: skip
on: Declared = click.option(
    "--on", metavar="EXECUTOR", help="Where to train: the name of an executor of a plugin, such as ray. Default: here."
)
out: Declared = click.option(
    "--out", type=click.Path(path_type=Path), help="The run folder. Default: runs/NAME/TIME-ID."
)
page: Declared = click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a self-contained HTML page."
)
probabilities: Declared = click.option(
    "--probabilities", metavar="all|N", type=Probabilities(), default=MOST, show_default=True,
    help="Write probabilities of the N most probable labels of each text.",
)  # fmt: skip
quiet: Declared = click.option("-q", "--quiet", is_flag=True, help="Show no progress on stderr.")
overrides: Declared = click.option(
    "-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key of the recipe."
)
recipe: Declared = click.argument("recipe", type=click.Path(path_type=Path))
run_or_bundle: Declared = click.argument("run_or_bundle", type=click.Path(path_type=Path))
run: Declared = click.argument("run", type=click.Path(path_type=Path))
