"""Answer a table for `textforge predict`: open it, predict, and write it back with the added columns."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import click

from textforge.cli.messages import write_left_out, write_message
from textforge.cli.output import write_json
from textforge.cli.output_file import refuse_overwriting, refuse_own_input
from textforge.errors import DataError, RecipeError, listed
from textforge.errors.shortage import require_room

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.data.tables import TableStream
    from textforge.runs.progress import Progress
    from textforge.runs.tables import OpenTable, TableFormats


@dataclass(frozen=True)
class PredictOptions:
    """The options of `textforge predict`.

    Args:
        source: the file, or None for standard input.
        output: the file to write, or None for standard output.
        read_as: format of the input; None for that of its suffix.
        write_as: format of the output; None for that of its suffix, or that of the input.
        texts: names of the text columns.
        prefix: beginning of the names of the added columns.
        top: number of most probable labels to add.
        options: overrides of the dataset's options.
        mark: whether a row that cannot be read is marked.
        as_json: whether to write one JSON object instead of the table.
        force: whether an existing output may be overwritten.
    """

    source: Path | None
    output: Path | None
    read_as: str | None
    write_as: str | None
    texts: Sequence[str]
    prefix: str
    top: int
    options: Sequence[str]
    mark: bool
    as_json: bool
    force: bool

    def only_for_tables(self) -> str | None:
        """An option that only a table has, if one is given."""
        given = {"--text": self.texts, "--top": self.top, "--prefix": self.prefix, "--set": self.options}
        return next((name for name, value in given.items() if value), None)


def table_format(options: PredictOptions) -> str | None:
    """The name of the input's table format; None if the input is lines of texts.

    A file of JSON Lines is a table if an option for tables is given, or the output is the file of a table; otherwise
    it is lines of texts.

    Raises:
        UsageError: an option for tables is given, but the input has no format of tables.
    """
    only = options.only_for_tables()
    if options.read_as is None and options.source is None and only is None:
        return None
    formats = _formats()
    if options.read_as is not None:
        formats.named(options.read_as)
        return options.read_as
    if options.source is not None and (name := formats.of_file(options.source)) is not None:
        if only or not formats.named(name).may_be_lines(options.source):
            return name
        if options.write_as is None and options.output is not None and not options.as_json:
            return name if formats.of_file(options.output) else None
    if only:
        from textforge.classifiers.streams.text_lines import refuse_database

        if options.source is not None:
            refuse_database(options.source)
        what = "standard input" if options.source is None else str(options.source)
        raise click.UsageError(
            f"{only} is for tables. Say how the columns of {what} are written, as in --input-format csv; "
            f"formats: {listed(formats.names())}."
        )
    return None


def refuse_table_output(output: Path, options: PredictOptions) -> None:
    """Refuse to write lines of answers to a file whose suffix promises a table, unless --format names their format.

    Raises:
        UsageError: the suffix is that of a table.
    """
    if options.write_as is None and not options.as_json and _formats().of_file(output):
        raise click.UsageError(
            f"{output}: the input is lines of text, not a table. Choose --format tsv or jsonl for their answers, or "
            "name the text column of a table with --text."
        )


def _formats() -> TableFormats:
    from textforge.components.manager import PluginManager
    from textforge.runs.tables import TableFormats

    return TableFormats(PluginManager())


class TableCommand:
    """`textforge predict` on a table.

    Everything is checked before the classifier is loaded; then `run` answers the rows.
    """

    def __init__(self, name: str, options: PredictOptions, run: Path, printed: TextIO, stack: ExitStack) -> None:
        self.options: PredictOptions = options
        self.printed: TextIO = printed
        self.stack: ExitStack = stack
        require_room()  # for polars, which most formats of tables need
        self.formats: TableFormats = _formats()
        self.name: str = name
        self.written: str | None = self._output_format()
        self.source: TableStream = self._opened()
        if options.output is not None and not options.force:
            refuse_overwriting(options.output)
        self.table: OpenTable = self._table(run)

    def _output_format(self) -> str | None:
        """The name of the format to write; None for one JSON object.

        Raises:
            RecipeError: the suffix of the output is not that of a table.
            UsageError: two options contradict each other, or binary data would be shown on a terminal.
        """
        options, output = self.options, self.options.output
        by_suffix = self.formats.of_file(output) if output is not None else None
        if options.as_json:
            from textforge.classifiers.streams.text_lines import JSON_LINES

            if options.write_as or (by_suffix and output and output.suffix.lower() not in JSON_LINES):
                raise click.UsageError("--json writes one JSON object, not a table. Name another file.")
            return None
        own = self.formats.named(self.name).written_as or self.name
        name = options.write_as or by_suffix
        if output is not None:
            self._refuse_suffix(output, name, own)
        name = name or own
        if self.formats.named(name).written_as is not None:
            raise RecipeError(
                f"{'' if output is None else f'{output}: '}textforge reads tables of the format '{name}' but does not "
                f"write them. Choose a name with one of the suffixes {listed(self.formats.suffixes())}, or a format as "
                f"in --format {own}."
            )
        return name

    def _refuse_suffix(self, output: Path, name: str | None, own: str) -> None:
        """Refuse a file whose suffix promises something else than will be written.

        Raises:
            RecipeError: the suffix is that of no table, or of a compression that is not written.
        """
        from textforge.data.tables import COMPRESSIONS
        from textforge.runs.tables import packed

        if (compression := packed(output)) and compression not in COMPRESSIONS:
            raise RecipeError(
                f"{output}: textforge does not write {compression} files. It compresses as {listed(COMPRESSIONS)}: "
                "choose a name such as answered.csv.gz."
            )
        if name is None and output.suffix and (not compression or Path(output.stem).suffix):
            raise RecipeError(
                f"{output}: its suffix is not that of a table ({listed(self.formats.suffixes())}). "
                f"Choose another name, or a format as in --format {own}."
            )

    def _opened(self) -> TableStream:
        from textforge.classifiers.streams.line_reader import LiveBytes, is_file
        from textforge.data.tables import TableStream
        from textforge.runs.tables import packed

        path = self.options.source
        if path is not None:
            try:
                stream: BinaryIO = self.stack.enter_context(path.open("rb"))
            except OSError as error:
                raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
            name, suffix = str(path), packed(path)
        else:
            stream, name, suffix = sys.stdin.buffer, "standard input", ""
        refuse_own_input(stream, self.options.output or self.printed)
        if is_file(stream):
            return TableStream(stream, name, suffix)
        live: Any = self.stack.enter_context(closing(LiveBytes(stream)))
        return TableStream(live, name, suffix, live=True)

    def _table(self, run: Path) -> OpenTable:
        from textforge.runs.tables import open_table

        options = self.options
        found = open_table(self.formats, self.name, self.source, run, texts=options.texts, options=options.options)
        self._warn(found)
        if found.chosen_by_name:
            write_message(f"texts are read from the column '{found.texts[0]}'; --text names another.")
        return found

    def _warn(self, table: OpenTable, first: int = 0) -> None:
        for warning in table.reader.warnings[first:]:
            write_message(f"warning: {self.source.name}: {warning}")

    def seen(self) -> bool:
        """Whether text is typed or printed on the terminal, which a progress bar would mix with."""
        shown = self.options.output is None and self.printed.isatty()
        return shown or (self.options.source is None and sys.stdin.isatty())

    def run(self, classifier: Classifier, *, limit: int | None, progress: Progress) -> None:
        """Predict the rows, and write the table or the JSON object."""
        from textforge.classifiers.streams.table_answers import prediction_dicts
        from textforge.runs.table_answering import AnswerSettings, TableAnswering

        options, table, n_warnings = self.options, self.table, len(self.table.reader.warnings)
        settings = AnswerSettings(options.prefix, options.top, options.mark, limit)
        answering = TableAnswering(classifier, table, self.source, settings)
        target = self._target()
        if self.written is not None:
            same = self.written == self.name
            answering.write(target, self.formats.named(self.written), progress, same_format=same)
        else:
            found = self.stack.enter_context(closing(answering.answers(progress)))
            every = [one for _, answers in found for one in prediction_dicts(answers)]
            text = io.StringIO()
            write_json(text, {"labels": list(classifier.labels), "predictions": every})
            target.stream.write(text.getvalue().encode())
        target.stream.flush()
        self._warn(table, n_warnings)
        for warning in answering.counts.warnings():
            write_message(f"warning: {warning}")
        write_left_out(answering.unread(), "columns of the table")

    def _target(self) -> TableStream:
        """The output, which is renamed to its name when all is written."""
        from textforge.data.tables import TableStream
        from textforge.errors.temporaries import replaced
        from textforge.runs.tables import packed

        if (output := self.options.output) is None:
            return TableStream(self.printed.buffer, "standard output")
        temporary = self.stack.enter_context(replaced(output))
        return TableStream(self.stack.enter_context(temporary.open("wb")), str(output), packed(output))
