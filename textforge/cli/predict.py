"""`textforge predict`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import click

from textforge.cli import options

STANDARD = (Path("-"), Path("/dev/stdin"), Path("/dev/stdout"))
"""Standard input or output. Opened by its name, a file that it leads to would be written from its start."""


@click.command("predict")
@options.run_or_bundle
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "-i", "--input", "source", type=click.Path(path_type=Path), help="Texts, one per line (.jsonl: JSON lines)."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write there instead of to stdout.")
@click.option(
    "--format", "form", type=click.Choice(["tsv", "jsonl"]), default="tsv", show_default=True,
    help="One line per text: label, tab, probability; or a JSON object.",
)  # fmt: skip
@click.option(
    "--abstain", metavar="P", type=click.FloatRange(0, 1), help="No label where the most probable one is below P."
)
@options.device
@options.as_json
@options.debug
def command(
    run_or_bundle: Path,
    texts: tuple[str, ...],
    source: Path | None,
    output: Path | None,
    form: str,
    abstain: float | None,
    device: str,
    as_json: bool,
) -> None:
    """Predict the labels of TEXTs, or of each line of --input or of standard input."""
    from textforge.cli.output import one_line, results, write_json
    from textforge.errors import RecipeError
    from textforge.predict import as_line, open_input, predictions, read_lines
    from textforge.run_folder import bundle_folder

    if texts and source:
        raise click.UsageError("give texts as arguments or in --input, not both.")
    with results() as printed, ExitStack() as stack:
        bundle_folder(run_or_bundle)  # refuses before torch is loaded
        lines: Iterable[str] = texts
        if source and source.suffix.lower() == ".csv":
            raise RecipeError(
                f"{source}: predict reads one text a line, and a CSV file has columns. Give it the texts alone, one a "
                f"line or as .jsonl. (evaluate --data {source.name} reads CSV files that have labels.)"
            )
        if source and source not in STANDARD:
            stream = stack.enter_context(open_input(source))
            lines = read_lines(stream, str(source), json_lines=source.suffix == ".jsonl")
        elif not texts:
            if sys.stdin.isatty():
                click.echo("reading texts from the terminal, one a line, to the end (Ctrl-D) …", err=True)
            lines = read_lines(sys.stdin.buffer, "standard input")
        from textforge.bundle import load
        from textforge.storage import replaced

        classifier = load(run_or_bundle, device=device)
        if abstain is not None:
            classifier.abstain_below(abstain)
        stdout = printed
        if output and output not in STANDARD:
            temporary = stack.enter_context(replaced(output))
            stdout = stack.enter_context(temporary.open("w", encoding="utf-8", newline="\n"))
        found = predictions(classifier, lines)
        if as_json:
            write_json(stdout, {"labels": list(classifier.labels), "predictions": list(found)})
            return
        for one in found:
            if form == "jsonl":
                stdout.write(json.dumps(one, ensure_ascii=False) + "\n")
            else:
                stdout.write("\t".join(map(one_line, as_line(one))) + "\n")
