"""`textforge run`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("run")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key of the recipe.")
@click.option("--seed", type=int, help="Override the recipe's seed.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder; by default runs/NAME/TIME-ID.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Override trainer.device.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def command(
    recipe: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    device: str | None,
    quiet: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Train what RECIPE says, evaluate it on test, and leave a run folder."""
    from textforge.cli.output import figures_text, results, write_json
    from textforge.cli.progress import progress_for
    from textforge.running import run

    given = [*overrides]
    given += [f"seed={seed}"] if seed is not None else []
    given += [f"trainer.device={device}"] if device is not None else []
    with results() as stdout:
        with progress_for(quiet) as progress:
            done = run(recipe, overrides=given, out=out, progress=progress)
        if as_json:
            write_json(stdout, {"run": str(done.path), **done.result})
            return
        if done.test:
            stdout.write(figures_text(done.test) + "\n\n")
        stdout.write(f"run folder: {done.path}\n")
