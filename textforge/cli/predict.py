"""`textforge predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing
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
@click.option(
    "--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout; it holds all predictions."
)
@options.quiet
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
    quiet: bool,
) -> None:
    """Predict the labels of TEXTs, or of each line of --input or of standard input.

    Lines may be without number: they are answered as they come, in bounded memory.
    """
    from textforge.cli.output import results, write_json
    from textforge.cli.progress import progress_for
    from textforge.errors import RecipeError
    from textforge.run_folder import bundle_folder
    from textforge.text_stream import TextStream, open_input

    if texts and source:
        raise click.UsageError("give texts as arguments or in --input, not both.")
    with results() as printed, ExitStack() as stack:
        bundle_folder(run_or_bundle)  # refuses before torch is loaded
        lines: TextStream | None = None
        if source and source.suffix.lower() == ".csv":
            raise RecipeError(
                f"{source}: predict reads one text a line, and a CSV file has columns. Give it the texts alone, one a "
                f"line or as .jsonl. (evaluate --data {source.name} reads CSV files that have labels.)"
            )
        if source and source not in STANDARD:
            stream = stack.enter_context(open_input(source))
            lines = TextStream(stream, str(source), json_lines=source.suffix == ".jsonl")
        elif not texts:
            if sys.stdin.isatty():
                click.echo("reading texts from the terminal, one a line, to the end (Ctrl-D) …", err=True)
            lines = TextStream(sys.stdin.buffer, "standard input")
        from textforge.bundle import load
        from textforge.predict import Answers, answered, answered_ahead
        from textforge.storage import replaced

        classifier = load(run_or_bundle, device=device)
        if abstain is not None:
            classifier.abstain_below(abstain)
        stdout = printed
        if output and output not in STANDARD:
            temporary = stack.enter_context(replaced(output))
            stdout = stack.enter_context(temporary.open("w", encoding="utf-8", newline="\n"))
        if lines is None:
            found: Iterable[Answers] = answered(classifier, [list(texts)] if texts else [])
        else:
            found = stack.enter_context(closing(answered_ahead(classifier, lines)))
        if as_json:
            every = [one for answers in found for one in answers.dicts()]
            write_json(stdout, {"labels": list(classifier.labels), "predictions": every})
            return
        # what is typed or printed on the terminal would be between the drawings of a bar
        seen = lines is None or sys.stdin.isatty() or (stdout is printed and printed.isatty())
        progress = stack.enter_context(progress_for(quiet or seen))
        done = 0
        for answers in found:
            stdout.write(answers.jsonl() if form == "jsonl" else answers.tsv())
            stdout.flush()
            done += len(answers)
            progress.predicted(done)
