"""`textforge check`."""

from __future__ import annotations

from pathlib import Path

import click

from textforge.cli import options


@click.command("check")
@options.recipe
@options.overrides
@click.option("--resolved", is_flag=True, help="Print the recipe with every default and override filled in.")
@options.as_json
@options.debug
def command(recipe: Path, overrides: tuple[str, ...], resolved: bool, as_json: bool) -> None:
    """Check RECIPE without loading data or training; report every error at once."""
    from textforge.cli.output import results, write_json
    from textforge.recipe import load_recipe

    with results() as stdout:
        checked = load_recipe(recipe, overrides=overrides)
        for warning in checked.warnings:
            click.echo(f"warning: {warning}", err=True)
        if as_json:
            write_json(stdout, {"recipe": str(recipe), "warnings": [*checked.warnings], "resolved": checked.resolved()})
        elif resolved:
            stdout.write(checked.resolved_yaml())
        else:
            parts = ", ".join(part.label for part in checked.parts.values())
            stdout.write(f"{recipe}: fine ({parts})\n")
