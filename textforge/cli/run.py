"""`textforge run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textforge.cli import options


@click.command("run")
@options.recipe
@options.overrides
@click.option(
    "--locked", is_flag=True,
    help="Refuse an environment that differs from that of the run: RECIPE is a run folder, or its resolved.yaml.",
)  # fmt: skip
@click.option(
    "--lock", metavar="RUN", type=click.Path(path_type=Path),
    help="Refuse an environment that differs from that of RUN, a run folder or an environment.json.",
)  # fmt: skip
@click.option("--seed", metavar="N", type=click.IntRange(min=0), help="Override the recipe's seed.")
@click.option(
    "--seeds", metavar="N-M", help="Run once per seed, as in 0-4 or 1,5,7; report mean and standard deviation."
)
@options.on
@options.out
@options.probabilities
@click.option("--baseline", is_flag=True, help="Train tf-idf with a linear SVM on the same data, too, and compare.")
@click.option("--report", "with_report", is_flag=True, help="Write report.html into the run folder.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Override trainer.device.")
@options.grace
@options.quiet
@options.as_json
@options.debug
def command(
    recipe: Path,
    overrides: tuple[str, ...],
    locked: bool,
    lock: Path | None,
    seed: int | None,
    seeds: str | None,
    on: str | None,
    out: Path | None,
    probabilities: int | str,
    baseline: bool,
    with_report: bool,
    device: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train RECIPE, evaluate it on the test split, and write a run folder."""
    from textforge.cli.allocation import keep_freed_memory
    from textforge.cli.finished_run import write_run, write_seeds
    from textforge.cli.output import results
    from textforge.cli.progress import progress_for
    from textforge.runs.processes.launch import refuse_several
    from textforge.runs.runner import run

    if seed is not None and seeds is not None:
        raise click.UsageError("give --seed or --seeds, not both.")
    if on is not None and seeds is None:
        raise click.UsageError("--on is for several runs: give --seeds, too.")
    if seeds is not None:
        refuse_several("--seeds")
    if locked or lock is not None:
        recipe = _locked(recipe, lock)
    given = [*overrides]
    given += [f"seed={seed}"] if seed is not None else []
    given += [f"trainer.device={device}"] if device is not None else []
    common: dict[str, Any] = {"overrides": given, "out": out, "probabilities": probabilities, "baseline": baseline}
    keep_freed_memory()
    with results() as stdout:
        if seeds is not None:
            from textforge.runs.seeds import read_seeds, run_seeds

            chosen = read_seeds(seeds)
            with progress_for(quiet) as progress:
                runs = run_seeds(recipe, chosen, progress=progress, on=on, **common)
            write_seeds(stdout, runs, as_json=as_json, with_report=with_report)
            return
        with progress_for(quiet) as progress:
            done = run(recipe, progress=progress, **common)
        write_run(stdout, done, as_json=as_json, with_report=with_report)


def _locked(recipe: Path, lock: Path | None) -> Path:
    """Refuse an environment that differs from that of the lock; return the recipe to run.

    Raises:
        RecipeError: it differs, or there is no lock.
    """
    from textforge.errors import RecipeError
    from textforge.runs.environment_changes import refuse_other_environment
    from textforge.runs.folder import ENVIRONMENT, RESOLVED

    if recipe.is_dir():
        recipe = recipe / RESOLVED
    if lock is None and not (recipe.parent / ENVIRONMENT).is_file():
        raise RecipeError(
            f"--locked: {recipe.parent} has no {ENVIRONMENT}. Give the folder of a run in place of the recipe, or name "
            "the run with --lock RUN."
        )
    refuse_other_environment(lock or recipe.parent)
    return recipe
