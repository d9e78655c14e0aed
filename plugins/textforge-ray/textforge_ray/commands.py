"""`textforge ray`: predict, train and tune on a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group("ray")
def ray() -> None:
    """Run on a Ray cluster, or on all cores of this machine.

    The cluster is that of --address, else of the variable RAY_ADDRESS; 'auto' is the one that runs on this machine.
    Without both, Ray is started here and ended at the end.
    """


address = click.option("--address", metavar="HOST:PORT", help="Address of the cluster. Default: RAY_ADDRESS, or here.")
cpus = click.option(
    "--cpus", metavar="N", type=click.IntRange(1), default=1, show_default=True, help="Cores of a task."
)
retries = click.option(
    "--retries", metavar="N", type=click.IntRange(0), default=3, show_default=True,
    help="How often a task is done again after its worker has died.",
)  # fmt: skip
quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress on stderr.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")


@ray.command("predict")
@click.argument("run_or_bundle", type=click.Path(path_type=Path))
@click.option(
    "-i", "--input", "patterns", metavar="PATTERN", multiple=True, required=True,
    help="Files to answer, as in 'data/*.parquet'; repeat it for more. Tables and lines as 'textforge predict' reads.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="Folder of the answers, a file for each input of the same name.",
)  # fmt: skip
@click.option("--text", "columns", metavar="COLUMN", multiple=True, help="Text column of tables; repeat it to join.")
@click.option("--top", metavar="K", type=click.IntRange(1), help="Add the K most probable labels.")
@click.option("--prefix", metavar="NAME", default="", help="Begin the names of the added columns with NAME.")
@click.option("--format", "form", metavar="FORMAT", help="Write another format: csv, tsv, jsonl or parquet.")
@click.option("-s", "--set", "options", metavar="KEY=VALUE", multiple=True,
              help="Set an option of the dataset that reads a table, such as separator.")  # fmt: skip
@click.option(
    "--on-error", type=click.Choice(["stop", "mark"]), default="stop", show_default=True,
    help="For a row that cannot be read: leave its file out, or mark the row with an error.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite files that hold other answers.")
@address
@cpus
@retries
@quiet
@as_json
@debug
def predict(
    run_or_bundle: Path,
    patterns: tuple[str, ...],
    output: Path,
    columns: tuple[str, ...],
    top: int | None,
    prefix: str,
    form: str | None,
    options: tuple[str, ...],
    on_error: str,
    force: bool,
    address: str | None,
    cpus: int,
    retries: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Answer many files, each by a task.

    Repeat the command to answer what is left: files with answers of the same classifier, options and input are skipped.
    A file that cannot be read does not stop the others; the exit code is then 1.
    """
    from textforge import TextforgeError, progress_for

    from textforge_ray.answered_files import sources
    from textforge_ray.prediction import PredictionOptions, failures, predict_files
    from textforge_ray.sent_run import SentRun

    files = sources(patterns, None if form is None else f".{form}")
    chosen = PredictionOptions(columns, top or 0, prefix, options, form, on_error == "mark")
    with progress_for(quiet) as progress:
        found = predict_files(
            SentRun(run_or_bundle), files, output, chosen, force=force, progress=progress,
            address=address, cpus=cpus, retries=retries,
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps({"output": str(output), **vars(found)}, ensure_ascii=False))
    else:
        rows = sum(found.answered.values())
        click.echo(f"{rows:,} answers in {len(found.answered):,} files, {len(found.skipped):,} skipped: {output}")
    if found.failed:
        raise TextforgeError(
            f"{len(found.failed):,} of {len(files):,} files have no answers: {failures(found)}. The others are "
            f"done; the same command answers what is left."
        )


@ray.command("run")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--workers", metavar="N", type=click.IntRange(1), required=True, help="Number of workers.")
@click.option("-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key of the recipe.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder. Default: runs/NAME/TIME-ID.")
@click.option("--cpus", metavar="N", type=click.IntRange(1), default=1, show_default=True, help="Cores of a worker.")
@click.option("--gpus", metavar="N", type=click.IntRange(0, 1), default=0, show_default=True, help="GPUs of a worker.")
@address
@retries
@quiet
@as_json
@debug
def run(
    recipe: Path,
    workers: int,
    overrides: tuple[str, ...],
    out: Path | None,
    cpus: int,
    gpus: int,
    address: str | None,
    retries: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train RECIPE in several workers, as torchrun does.

    Each worker computes a part of every batch. If one dies, all of them go on from the last checkpoint.
    """
    from textforge import load_recipe, progress_for

    from textforge_ray.training import Team, new_run_folder, train

    checked = load_recipe(recipe, overrides=overrides)
    path = new_run_folder(checked.name, out)
    with progress_for(quiet) as progress:
        train(checked, path, Team(workers, cpus, gpus, retries), progress, address)
    result = json.loads((path / "result.json").read_text(encoding="utf-8"))
    if as_json:
        click.echo(json.dumps({"run": str(path), **result}, ensure_ascii=False))
        return
    test = result["test"]
    figures = "no test split" if test is None else f"accuracy {test['accuracy']:.4f}, macro F1 {test['macro_f1']:.4f}"
    click.echo(f"{figures}\n{path}")


@ray.command("tune", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="DATA|RECIPE [OPTION]...")
@address
@click.pass_context
def tune(context: click.Context, arguments: tuple[str, ...], address: str | None) -> None:
    """Search for the best recipe, as 'textforge tune' does, with trials as tasks.

    The options are those of 'textforge tune'; see its --help. The trials are those of one machine.
    """
    from textforge import progress_for

    from textforge_ray.cluster import connected

    root = context.find_root().command
    command = root.get_command(context, "tune") if isinstance(root, click.Group) else None
    if command is None:
        raise click.UsageError("this textforge has no command 'tune'.")
    if "--help" in arguments or "-h" in arguments:
        command.main(["--help"], prog_name="textforge tune", standalone_mode=False)
        return
    with progress_for(True) as progress, connected(address, progress):
        command.main([*arguments, "--on", "ray"], prog_name="textforge ray tune", standalone_mode=False)
