"""`textforge tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textforge.cli import options


@click.command("tune")
@click.argument("source", metavar="DATA|RECIPE", type=click.Path(path_type=Path))
@click.option("--budget", metavar="TIME", help="Time for everything, as in 90s, 5m or 1h. [default: 5m]")
@click.option("--trials", metavar="N", type=click.IntRange(min=1), help="Largest number of trials.")
@click.option("--metric", metavar="NAME", help="What to maximize. [default: macro_f1, without losing accuracy]")
@click.option("--workers", metavar="N", type=click.IntRange(min=1), help="Number of processes. [default: the cores]")
@options.on
@click.option("--seed", metavar="N", type=click.IntRange(min=0), help="Seed of folds, search and runs.")
@click.option(
    "-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True,
    help="Override a key of the recipe, or an option of the dataset that reads DATA.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="The folder. Default: runs/NAME-tune/TIME-ID.")
@options.quiet
@options.as_json
@options.debug
def command(
    source: Path,
    budget: str | None,
    trials: int | None,
    metric: str | None,
    workers: int | None,
    on: str | None,
    seed: int | None,
    overrides: tuple[str, ...],
    out: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Find the best recipe for DATA, or the best options of RECIPE, within a budget.

    Trials are compared on folds of the training texts; the test split is read once, at the end. The folder holds the
    best recipe (best.yaml), its run, a report, and Optuna's study. After an interruption, the same command goes on.
    """
    from textforge.cli.allocation import keep_freed_memory
    from textforge.cli.messages import write_warnings
    from textforge.cli.output import results, write_json
    from textforge.cli.progress import progress_for
    from textforge.errors import TextforgeError
    from textforge.insight.reporting import report as report_on
    from textforge.runs.folder import REPORT
    from textforge.runs.tuning.budget import process_age
    from textforge.runs.tuning.tuned import tune

    keep_freed_memory()
    with results() as stdout:
        with progress_for(quiet) as progress:
            done = tune(
                source, budget=budget, trials=trials, metric=metric, workers=workers, seed=seed, overrides=overrides,
                out=out, progress=progress, spent=process_age(), on=on,
            )  # fmt: skip
        report: Path | None = done.path / REPORT
        try:
            report_on(done.path, report)
        except TextforgeError as error:
            write_warnings([f"the tuning is done, but its report cannot be written: {error}"])
            report = None
        if as_json:
            write_json(stdout, {"tuning": str(done.path), "report": report and str(report), **done.result})
        else:
            stdout.write(tuned_text(done.path, done.result, report))


def tuned_text(folder: Path, result: dict[str, Any], report: Path | None) -> str:
    """Format the result of a tuning for reading."""
    from textforge.cli.output import figures_text
    from textforge.errors import shown_line
    from textforge.runs.tuning.identity import RUN

    chosen = result["chosen"]
    what = next(one["what"] for one in result["trials"] if one["number"] == chosen["trial"])
    path = shown_line(str(folder))
    lines = [
        f"best: trial {chosen['trial']} of {len(result['trials'])}, {shown_line(what)}",
        f"because {shown_line(chosen['reason'])}",
    ]
    metric = result["metric"].replace("_f1", " F1").replace("_", " ")
    if figures := chosen["figures"].get(str(chosen["trial"])):
        folds = f"{len(chosen['folds'])} fresh fold{'s' * (len(chosen['folds']) != 1)}"
        optimistic = "" if chosen["trial"] == chosen["default"] else ", a little optimistic for the best of several"
        lines.append(f"{metric} {figures[result['metric']]:.4f} on {folds} of the training texts{optimistic}")
    test = figures_text(result["test"], everything=f"in {path}/{RUN}/result.json") + "\n\n" if result["test"] else ""
    lines += ["", f"{test}recipe: {path}/best.yaml", f"run folder: {path}/{RUN}"]
    lines += [f"report: {shown_line(str(report))}"] if report else []
    return "\n".join(lines) + f"\nseconds: {result['seconds']:.1f}\n"
