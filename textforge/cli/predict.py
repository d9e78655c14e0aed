"""`textforge predict`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click
from click.core import ParameterSource

from textforge.cli import options

STANDARD = (Path("-"), Path("/dev/stdin"), Path("/dev/stdout"))
"""Names of standard input and output. Opening a redirected file by such a name would overwrite it from its start."""


@click.command("predict")
@options.run_or_bundle
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "-i", "--input", "source", type=click.Path(path_type=Path),
    help="Texts, one per line (.jsonl: JSON lines), or a table (.csv, .tsv, .json, .jsonl, .parquet, .xlsx, .ods; "
    "compressed as .gz, .zst or .zip, too).",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="Write to this file instead of stdout. The suffix is the format of a table.",
)  # fmt: skip
@click.option(
    "--format", "form", metavar="FORMAT",
    help="Of lines: tsv, a line of label, tab, probability (default), or jsonl, a JSON object. Of a table: csv, tsv, "
    "json, jsonl or parquet; default: the suffix of --output, else that of --input.",
)  # fmt: skip
@click.option("--input-format", "read_as", metavar="FORMAT", help="Read the input as a table of this format.")
@click.option(
    "--text", "columns", metavar="COLUMN", multiple=True,
    help="Text column of a table; repeat it to join several. Default: as in the run's recipe, else by its name.",
)  # fmt: skip
@click.option("--top", metavar="K", type=click.IntRange(1), help="Add the K most probable labels to a table.")
@click.option("--prefix", metavar="NAME", default="", help="Begin the names of the columns added to a table with NAME.")
@click.option("-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True,
              help="Set an option of the dataset that reads a table, such as separator or encoding.")  # fmt: skip
@options.probabilities
@click.option(
    "--on-error", type=click.Choice(["stop", "mark"]), default="stop", show_default=True,
    help="For a line or row that cannot be read: stop, or mark it with an error and continue.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite an existing --output file.")
@click.option(
    "--abstain", metavar="P", type=click.FloatRange(0, 1), help="Give no label if the highest probability is below P."
)
@options.device
@click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object with all predictions on stdout.")
@options.quiet
@options.debug
def command(
    run_or_bundle: Path,
    texts: tuple[str, ...],
    source: Path | None,
    output: Path | None,
    form: str | None,
    read_as: str | None,
    columns: tuple[str, ...],
    top: int | None,
    prefix: str,
    overrides: tuple[str, ...],
    probabilities: int | str,
    on_error: str,
    force: bool,
    abstain: float | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict the labels of TEXTs, or of each line or table row of --input or standard input.

    Rows of a table are written back with the columns label and probability added.

    Input is predicted as it arrives, in bounded memory, so it may be endless.
    """
    from textforge.cli.output import results
    from textforge.cli.predict_lines import LinesCommand
    from textforge.cli.predict_table import PredictOptions, TableCommand, table_format
    from textforge.cli.progress import progress_for
    from textforge.errors.shortage import advised
    from textforge.runs.folder import bundle_folder

    if texts and source:
        raise click.UsageError("give texts as arguments or in --input, not both.")
    source = None if source in STANDARD else source
    output = None if output in STANDARD else output
    with results() as printed, advised("predict"), ExitStack() as stack:
        bundle_folder(run_or_bundle)  # raises before torch is imported
        table = PredictOptions(
            source, output, read_as, form, columns, prefix, top or 0, overrides,
            mark=on_error == "mark", as_json=as_json, force=force,
        )  # fmt: skip
        if texts and (name := table.only_for_tables()):
            raise click.UsageError(f"{name} is for tables, and the texts are arguments.")
        job: TableCommand | LinesCommand
        if not texts and (name := table_format(table)):
            _refuse_probabilities(as_json)
            job = TableCommand(name, table, run_or_bundle, printed, stack)
        else:
            job = LinesCommand(texts, table, printed, stack)
        from textforge.classifiers.streams.probabilities import as_limit
        from textforge.runs.loading import load

        classifier = load(run_or_bundle, device=device)
        if abstain is not None:
            classifier.abstain_below(abstain)
        progress = stack.enter_context(progress_for(quiet or job.seen()))
        job.run(classifier, limit=as_limit(probabilities), progress=progress)


def _refuse_probabilities(as_json: bool) -> None:
    source = click.get_current_context().get_parameter_source("probabilities")
    if source is ParameterSource.COMMANDLINE and not as_json:
        raise click.UsageError("--probabilities is for lines and for --json. Add labels to a table with --top K.")
