"""`textforge evaluate`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("evaluate")
@click.argument("run_or_bundle", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path),
    help="A data file (such as .csv), or a recipe whose dataset is taken; by default the run's own data.",
)  # fmt: skip
@click.option("--split", type=click.Choice(["train", "valid", "test"]), help="By default test; all of a data file.")
@click.option("-s", "--set", "options", metavar="KEY=VALUE", multiple=True, help="An option of the dataset.")
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def command(
    run_or_bundle: Path,
    data: Path | None,
    split: str | None,
    options: tuple[str, ...],
    device: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Hold a trained classifier against labelled data."""
    from textforge.cli.output import figures_text, results, write_json
    from textforge.cli.progress import progress_for
    from textforge.folder import bundle_folder

    with results() as stdout:
        bundle_folder(run_or_bundle)  # refuses before torch is loaded
        from textforge.evaluate import evaluate

        with progress_for(quiet=False) as progress:
            figures = evaluate(
                run_or_bundle, data=data, split=split, options=options, device=device, on_batch=progress.evaluated
            )
        for warning in figures["warnings"]:
            click.echo(f"warning: {warning}", err=True)
        if as_json:
            write_json(stdout, figures)
        else:
            stdout.write(figures_text(figures, figures["split"]) + "\n")
