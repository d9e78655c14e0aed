"""`textforge resume`."""

from __future__ import annotations

from pathlib import Path

import click

from textforge.cli import options


@click.command("resume")
@options.run
@click.option("--anyway", is_flag=True, help="Continue even if data, recipe, versions or threads have changed.")
@click.option(
    "--epochs", metavar="N", type=click.IntRange(min=1), help="Train a finished RUN to N epochs in all, as a new run."
)
@click.option("--out", type=click.Path(path_type=Path), help="The folder of that new run. Default: runs/NAME/TIME-ID.")
@click.option("--report", "with_report", is_flag=True, help="Write report.html into the run folder.")
@options.on
@options.grace
@options.quiet
@options.as_json
@options.debug
def command(
    run: Path,
    anyway: bool,
    epochs: int | None,
    out: Path | None,
    with_report: bool,
    on: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Continue the unfinished RUN in its folder, from its last checkpoint.

    RUN may also be the folder of several seeds or of a cross-validation. The results are those of a run that was
    never stopped, bit for bit.
    """
    from textforge.runs.continuing import refuse_nothing_to_continue

    if out is not None and epochs is None:
        raise click.UsageError("--out is for a new run, which --epochs makes; a run is continued in its own folder.")
    refuse_nothing_to_continue(run, further=epochs is not None)  # before torch is imported
    from textforge.cli.allocation import keep_freed_memory
    from textforge.cli.finished_run import write_folds, write_run, write_seeds
    from textforge.cli.output import results
    from textforge.cli.progress import progress_for
    from textforge.runs.continuing import resume
    from textforge.runs.runner import Run
    from textforge.runs.seeds import Repeats

    keep_freed_memory()
    with results() as stdout:
        with progress_for(quiet) as progress:
            done = resume(run, anyway=anyway, epochs=epochs, out=out, progress=progress, on=on)
        if isinstance(done, Run):
            write_run(stdout, done, as_json=as_json, with_report=with_report)
        elif isinstance(done, Repeats):
            write_seeds(stdout, done, as_json=as_json, with_report=with_report)
        else:
            write_folds(stdout, done, as_json=as_json)
