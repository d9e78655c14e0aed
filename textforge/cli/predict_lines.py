"""Answer lines of text, or texts among the arguments, for `textforge predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from textforge.cli.messages import write_left_out, write_message
from textforge.cli.output import write_json
from textforge.cli.output_file import refuse_overwriting, refuse_own_input
from textforge.cli.predict_table import PredictOptions, refuse_table_output
from textforge.errors import DataError

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.classifiers.streams.line_reader import LineReader
    from textforge.classifiers.streams.predictions import Answers
    from textforge.runs.progress import Progress

FORMATS = ("tsv", "jsonl")


class LinesCommand:
    """`textforge predict` on lines, or on texts among the arguments.

    Everything is checked before the classifier is loaded; then `run` answers the lines.
    """

    def __init__(self, texts: Sequence[str], options: PredictOptions, printed: TextIO, stack: ExitStack) -> None:
        from textforge.classifiers.streams.line_reader import LineReader, open_input
        from textforge.classifiers.streams.text_lines import JSON_LINES

        if options.write_as not in (None, *FORMATS):
            raise click.UsageError(f"--format {options.write_as} is for tables. Lines are answered as tsv or jsonl.")
        self.texts: Sequence[str] = texts
        self.options: PredictOptions = options
        self.printed: TextIO = printed
        self.stack: ExitStack = stack
        self.lines: LineReader | None = None
        stream: BinaryIO | None = None
        source, output = options.source, options.output
        if source is not None:
            stream = stack.enter_context(open_input(source))
            as_lines = source.suffix.lower() in JSON_LINES
            self.lines = LineReader(stream, str(source), json_lines=as_lines, mark=options.mark)
        elif not texts:
            if sys.stdin.isatty():
                write_message("reading texts from the terminal, one per line; end with Ctrl-D …")
            stream = sys.stdin.buffer
            self.lines = LineReader(stream, "standard input", mark=options.mark)
        if stream is not None:
            refuse_own_input(stream, output or printed)
        if output is not None:
            refuse_table_output(output, options)
            if not options.force:
                refuse_overwriting(output)

    def seen(self) -> bool:
        """Whether text is typed or printed on the terminal, which a progress bar would mix with."""
        shown = self.options.output is None and self.printed.isatty()
        return self.lines is None or sys.stdin.isatty() or shown

    def run(self, classifier: Classifier, *, limit: int | None, progress: Progress) -> None:
        """Predict the lines, and write the answers."""
        from textforge.classifiers.streams.predictions import answered, answered_ahead
        from textforge.errors.temporaries import replaced

        if classifier.columns:
            self._take_columns(classifier)
        output = self.printed
        if self.options.output is not None:
            temporary = self.stack.enter_context(replaced(self.options.output))
            output = self.stack.enter_context(temporary.open("w", encoding="utf-8", newline="\n"))
        if self.lines is None:
            found: Iterable[Answers] = answered(classifier, [list(self.texts)], limit=limit)
        else:
            found = self.stack.enter_context(closing(answered_ahead(classifier, self.lines, limit=limit)))
        if self.options.as_json:
            every = [one for answers in found for one in answers.dicts()]
            write_json(output, {"labels": list(classifier.labels), "predictions": every})
            self._close_with(sum("error" in one for one in every), len(every))
            return
        done = marked = 0
        for answers in found:
            output.write(answers.jsonl() if self.options.write_as == "jsonl" else answers.tsv())
            output.flush()
            done += len(answers)
            marked += len(answers.unreadable)
            progress.predicted(done)
        self._close_with(marked, done)

    def _take_columns(self, classifier: Classifier) -> None:
        """Let the arguments, or the lines, bring the columns that the classifier needs.

        Raises:
            DataError: they are texts alone.
        """
        from textforge.classifiers.streams.text_lines import rows_of
        from textforge.data.given_rows import needs

        if self.lines is None:
            self.texts = [*rows_of(self.texts, classifier.columns, "argument {}")]
        elif self.lines.json_lines:
            self.lines.fields.columns = classifier.columns
        else:
            raise DataError(
                f"lines of text have no columns. {needs(classifier.columns)} Name a file of either in --input, or say "
                "how standard input is written, as in --input-format jsonl."
            )

    def _close_with(self, marked: int, lines: int) -> None:
        """Say which lines could not be read, and which fields were left out."""
        if marked:
            write_message(f"warning: {marked:,} of {lines:,} lines could not be read; each has an error in its place.")
        if self.lines is not None:
            write_left_out(self.lines.fields.left_out, "fields of the lines")
