"""`textforge cross-validate`."""

from __future__ import annotations

from pathlib import Path

import click

from textforge.cli import options


@click.command("cross-validate")
@options.recipe
@click.option("--folds", metavar="K", type=click.IntRange(min=2), default=5, show_default=True, help="Number of folds.")
@options.overrides
@options.on
@options.out
@options.probabilities
@options.grace
@options.quiet
@options.as_json
@options.debug
def command(
    recipe: Path,
    folds: int,
    overrides: tuple[str, ...],
    on: str | None,
    out: Path | None,
    probabilities: int | str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Cross-validate RECIPE on K folds of its training texts.

    For each fold, a model is trained on the other folds and tested on this one.
    """
    from textforge.cli.allocation import keep_freed_memory
    from textforge.cli.finished_run import write_folds
    from textforge.cli.output import results
    from textforge.cli.progress import progress_for
    from textforge.runs.cross_validation import cross_validate

    keep_freed_memory()
    with results() as stdout:
        with progress_for(quiet) as progress:
            done = cross_validate(
                recipe, folds=folds, overrides=overrides, out=out, progress=progress, probabilities=probabilities, on=on
            )
        write_folds(stdout, done, as_json=as_json)
