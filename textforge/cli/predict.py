"""`textforge predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import click

from textforge.cli import options
from textforge.cli.messages import write_message

STANDARD = (Path("-"), Path("/dev/stdin"), Path("/dev/stdout"))
"""Names of standard input and output. Opening a redirected file by such a name would overwrite it from its start."""


@click.command("predict")
@options.run_or_bundle
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "-i", "--input", "source", type=click.Path(path_type=Path), help="Texts, one per line (.jsonl: JSON lines)."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.option(
    "--format", "form", type=click.Choice(["tsv", "jsonl"]), default="tsv", show_default=True,
    help="One line per text: label, tab, probability; or a JSON object.",
)  # fmt: skip
@options.probabilities
@click.option(
    "--on-error", type=click.Choice(["stop", "mark"]), default="stop", show_default=True,
    help="For a line that cannot be read: stop, or mark it with an error and continue.",
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
    form: str,
    probabilities: int | str,
    on_error: str,
    force: bool,
    abstain: float | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict the labels of TEXTs, or of each line of --input or standard input.

    Lines are predicted as they arrive, in bounded memory, so the input may be endless.
    """
    from textforge.classifiers.streams.line_reader import LineReader, open_input
    from textforge.classifiers.streams.probabilities import as_limit
    from textforge.classifiers.streams.text_lines import JSON_LINES
    from textforge.cli.output import results, write_json
    from textforge.cli.output_file import refuse_overwriting, refuse_own_input
    from textforge.cli.progress import progress_for
    from textforge.errors.shortage import advised
    from textforge.runs.folder import bundle_folder

    if texts and source:
        raise click.UsageError("give texts as arguments or in --input, not both.")
    with results() as printed, advised("predict"), ExitStack() as stack:
        bundle_folder(run_or_bundle)  # raises before torch is imported
        lines: LineReader | None = None
        stream: BinaryIO | None = None
        mark = on_error == "mark"
        if source and source not in STANDARD:
            stream = stack.enter_context(open_input(source))
            as_lines = source.suffix.lower() in JSON_LINES
            lines = LineReader(stream, str(source), json_lines=as_lines, mark=mark)
        elif not texts:
            if sys.stdin.isatty():
                write_message("reading texts from the terminal, one per line; end with Ctrl-D …")
            stream = sys.stdin.buffer
            lines = LineReader(stream, "standard input", mark=mark)
        output = None if output in STANDARD else output
        if stream is not None:
            refuse_own_input(stream, output or printed)
        if output is not None and not force:
            refuse_overwriting(output)
        from textforge.classifiers.storage import replaced
        from textforge.classifiers.streams.predictions import Answers, answered, answered_ahead
        from textforge.runs.loading import load

        limit = as_limit(probabilities)
        classifier = load(run_or_bundle, device=device)
        if abstain is not None:
            classifier.abstain_below(abstain)
        stdout = printed
        if output is not None:
            temporary = stack.enter_context(replaced(output))
            stdout = stack.enter_context(temporary.open("w", encoding="utf-8", newline="\n"))
        if lines is None:
            found: Iterable[Answers] = answered(classifier, [list(texts)] if texts else [], limit=limit)
        else:
            found = stack.enter_context(closing(answered_ahead(classifier, lines, limit=limit)))
        if as_json:
            every = [one for answers in found for one in answers.dicts()]
            write_json(stdout, {"labels": list(classifier.labels), "predictions": every})
            _warn_of_marked(sum("error" in one for one in every), len(every))
            return
        # text typed or printed on the terminal would be mixed with the progress bar
        seen = lines is None or sys.stdin.isatty() or (stdout is printed and printed.isatty())
        progress = stack.enter_context(progress_for(quiet or seen))
        done = marked = 0
        for answers in found:
            stdout.write(answers.jsonl() if form == "jsonl" else answers.tsv())
            stdout.flush()
            done += len(answers)
            marked += len(answers.unreadable)
            progress.predicted(done)
        _warn_of_marked(marked, done)


def _warn_of_marked(marked: int, lines: int) -> None:
    if marked:
        write_message(f"warning: {marked:,} of {lines:,} lines could not be read; each has an error in its place.")
