"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
"""Read by `failures.guarded`, wherever it stands."""
device = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
out = click.option("--out", type=click.Path(path_type=Path), help="The run folder; by default runs/NAME/TIME-ID.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
overrides = click.option(
    "-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key of the recipe."
)
recipe = click.argument("recipe", type=click.Path(path_type=Path))
run_or_bundle = click.argument("run_or_bundle", type=click.Path(path_type=Path))
