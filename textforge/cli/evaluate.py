"""`textforge evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textforge.cli import options


@click.command("evaluate")
@options.run_or_bundle
@click.option(
    "--data", type=click.Path(path_type=Path),
    help="A data file (such as .csv), or a recipe with a dataset. Default: the run's own data.",
)  # fmt: skip
@click.option(
    "--split",
    type=click.Choice(["train", "valid", "test"]),
    help="The split to evaluate. Default: test, or all rows of a data file.",
)
@click.option("-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Set an option of the dataset.")
@click.option(
    "--metric",
    "metrics",
    metavar="NAME",
    multiple=True,
    help="Measure this metric, too. Default: the metrics of the run.",
)
@click.option(
    "--unknown-labels",
    type=click.Choice(["error", "wrong", "drop"]),
    help="Labels that the classifier does not know: stop, count their texts as wrong, or leave these texts out. "
    "Default: trainer.unknown_labels of the run.",
)
@options.device
@options.as_json
@options.debug
def command(
    run_or_bundle: Path,
    data: Path | None,
    split: str | None,
    overrides: tuple[str, ...],
    metrics: tuple[str, ...],
    unknown_labels: Any,
    device: str,
    as_json: bool,
) -> None:
    """Evaluate a trained classifier on labelled data."""
    from textforge.cli.messages import write_left_out, write_warnings
    from textforge.cli.output import figures_text, results, write_json
    from textforge.cli.progress import progress_for
    from textforge.errors.shortage import advised
    from textforge.runs.folder import bundle_folder

    with results() as stdout, advised("evaluate"):
        bundle_folder(run_or_bundle)  # raises before torch is imported
        from textforge.runs.evaluation import evaluate

        with progress_for(quiet=False) as progress:
            figures = evaluate(
                run_or_bundle,
                data=data,
                split=split,
                options=overrides,
                metrics=metrics or None,
                unknown_labels=unknown_labels,
                device=device,
                on_batch=progress.evaluated,
            )
        write_warnings(figures["warnings"])
        write_left_out(figures.get("left_out", ()), "columns of the data")
        if as_json:
            write_json(stdout, figures)
        else:
            stdout.write(figures_text(figures, figures["split"]) + "\n")
