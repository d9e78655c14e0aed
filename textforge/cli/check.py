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
    from textforge.cli.messages import write_warnings
    from textforge.cli.output import results, write_json
    from textforge.errors import shown_line, shown_lines
    from textforge.recipes.recipe import load_recipe

    with results() as stdout:
        checked = load_recipe(recipe, overrides=overrides)
        write_warnings(checked.warnings)
        if as_json:
            write_json(stdout, {"recipe": str(recipe), "warnings": [*checked.warnings], "resolved": checked.resolved()})
        elif resolved:
            text = checked.resolved_yaml()
            stdout.write(shown_lines(text) if stdout.isatty() else text)
        else:
            parts = ", ".join(part.label for part in checked.parts.values())
            stdout.write(f"{shown_line(str(recipe))}: fine ({parts})\n")
