"""`textforge run`."""

from __future__ import annotations

from pathlib import Path

import click

from textforge.cli import options


@click.command("run")
@options.recipe
@options.overrides
@click.option("--seed", metavar="N", type=click.IntRange(min=0), help="Override the recipe's seed.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder; by default runs/NAME/TIME-ID.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Override trainer.device.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@options.as_json
@options.debug
def command(
    recipe: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    device: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train what RECIPE says, evaluate it on test, and leave a run folder."""
    from textforge.cli.output import figures_text, results, write_json
    from textforge.cli.progress import progress_for
    from textforge.runner import run

    given = [*overrides]
    given += [f"seed={seed}"] if seed is not None else []
    given += [f"trainer.device={device}"] if device is not None else []
    with results() as stdout:
        with progress_for(quiet) as progress:
            done = run(recipe, overrides=given, out=out, progress=progress)
        try:
            if as_json:
                write_json(stdout, {"run": str(done.path), **done.result})
            else:
                figures = figures_text(done.test) + "\n\n" if done.test else ""
                stdout.write(f"{figures}run folder: {done.path}\n")
            stdout.flush()
        except BrokenPipeError:  # click ends the command without a word
            click.echo(f"the output was closed before it was written. The run is done, in {done.path}.", err=True)
            raise
        except OSError as error:
            error.add_note(f"The run is done, in {done.path}.")
            raise
