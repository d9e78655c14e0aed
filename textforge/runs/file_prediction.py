"""Predict a whole file, as `textforge predict --input FILE --output FILE` does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textforge.classifiers.streams.probabilities import MOST, as_limit
from textforge.components.manager import PluginManager
from textforge.data.given_rows import needs
from textforge.errors import DataError, RecipeError, listed, replaced
from textforge.runs.progress import Progress

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.classifiers.streams.line_reader import LineReader
    from textforge.runs.table_answering import AnswerSettings

LINE_FORMATS = ("tsv", "jsonl")
"""Formats of answers to lines of text."""


@dataclass(frozen=True)
class FileAnswers:
    """What was found in a file that is answered."""

    n: int
    """Number of rows or lines."""
    warnings: tuple[str, ...]
    """A sentence for each thing that was odd."""


def predict_file(
    run: str | Path,
    source: str | Path,
    output: str | Path,
    *,
    classifier: Classifier | None = None,
    text: Sequence[str] = (),
    top: int = 0,
    prefix: str = "",
    options: Iterable[str] = (),
    form: str | None = None,
    probabilities: int | str = MOST,
    mark: bool = False,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
) -> FileAnswers:
    """Answer each row of a table, or each line of text, in bounded memory.

    A file with the suffix of a table is written back with the columns `label` and `probability` added; any other file
    is lines of text, each answered by a line. An existing output is replaced when all is written.

    Args:
        run: a finished run folder or a bundle.
        source: the file to read; may be compressed.
        output: the file to write.
        classifier: the classifier of the run, if it is loaded already.
        text: names of the text columns. By default those of the run's recipe, else the one that is named so.
        top: number of most probable labels to add to a table.
        prefix: beginning of the names of the columns added to a table.
        options: overrides of the options of the dataset that reads a table, as in `["separator=;"]`.
        form: format of the output: of a table 'csv', 'parquet' and the like, by default that of the suffix of the
            output, else that of the input; of lines 'tsv' (default) or 'jsonl'.
        probabilities: number of labels with probabilities in an answer to a line as 'jsonl', or 'all'.
        mark: mark a row or line that cannot be read, instead of failing.
        plugins, progress: as for `run`.

    Raises:
        DataError: the file cannot be read, is damaged, or lacks a column.
        RecipeError: an option is wrong, or no such format can be written.
        BundleError: as `load`.
        StorageError: the output cannot be written.
    """
    from textforge.classifiers.streams.line_reader import LineReader, open_input
    from textforge.classifiers.streams.text_lines import JSON_LINES
    from textforge.data.tables import TableStream
    from textforge.runs.loading import load
    from textforge.runs.table_answering import AnswerSettings, TableAnswering
    from textforge.runs.tables import TableFormats, open_table, packed

    source, output, options, progress = Path(source), Path(output), [*options], progress or Progress()
    formats = TableFormats(plugins or PluginManager())
    settings = AnswerSettings(prefix, top, mark, as_limit(probabilities))
    if (name := formats.of_file(source)) is None:
        if text or top or prefix or options:
            raise RecipeError(
                f"{source}: lines of text have no columns, so text, top, prefix and options do not apply to it. Tables "
                f"have one of these suffixes: {listed(formats.suffixes())}."
            )
        if form not in (None, *LINE_FORMATS):
            raise RecipeError(f"the format {form} is for tables. Lines are answered as {listed(LINE_FORMATS)}.")
        classifier = classifier or load(run, plugins=plugins)
        with open_input(source) as stream:
            lines = LineReader(stream, str(source), json_lines=source.suffix.lower() in JSON_LINES, mark=mark)
            return _answered_lines(classifier, lines, output, settings, as_json=form == "jsonl")
    written = form or formats.of_file(output) or formats.named(name).written_as or name
    if formats.named(written).written_as is not None:
        raise RecipeError(
            f"{output}: textforge reads tables of the format '{written}' but does not write them. Choose one of the "
            f"suffixes {listed(formats.suffixes())}."
        )
    classifier = classifier or load(run, plugins=plugins)
    try:
        opened = source.open("rb")
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}.") from error
    with opened as stream, replaced(output) as temporary, temporary.open("wb") as target:
        table = TableStream(stream, str(source), packed(source))
        found = open_table(formats, name, table, Path(run), texts=text, options=options)
        answering = TableAnswering(classifier, found, table, settings)
        into = TableStream(target, str(output), packed(output))
        answering.write(into, formats.named(written), progress, same_format=written == name)
    warnings = (*found.reader.warnings, *answering.counts.warnings())
    return FileAnswers(answering.counts.rows, warnings)


def _answered_lines(
    classifier: Classifier, lines: LineReader, output: Path, settings: AnswerSettings, *, as_json: bool
) -> FileAnswers:
    """Answer lines of text."""
    from textforge.classifiers.streams.predictions import answered_ahead

    if classifier.columns:
        if not lines.json_lines:
            raise DataError(f"lines of text have no columns. {needs(classifier.columns)} Give a table.")
        lines.fields.columns = classifier.columns
    n = marked = 0
    with (
        replaced(output) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as target,
        closing(answered_ahead(classifier, lines, limit=settings.limit)) as found,
    ):
        for answers in found:
            target.write(answers.jsonl() if as_json else answers.tsv())
            n += len(answers)
            marked += len(answers.unreadable)
    return FileAnswers(n, (f"{marked:,} of {n:,} lines could not be read.",) if marked else ())
