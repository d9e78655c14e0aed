"""Answer the rows of an open table, and write it back with the added columns."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textforge.classifiers.streams.table_answers import AddedColumns, Counts, RowSource, answered_rows, with_columns
from textforge.data.given_rows import refuse_missing, unread
from textforge.runs.progress import Progress

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.classifiers.streams.predictions import Answers
    from textforge.data.tables import TableFormat, TableRows, TableStream
    from textforge.runs.tables import OpenTable


@dataclass(frozen=True)
class AnswerSettings:
    """How rows are answered.

    Args:
        prefix: beginning of the names of the added columns.
        top: number of most probable labels to add.
        mark: whether a row that cannot be read is marked instead of raising.
        limit: number of labels with probabilities that each answer has; None for all.
    """

    prefix: str = ""
    top: int = 0
    mark: bool = False
    limit: int | None = None


class TableAnswering:
    """The answers to the rows of a table, in bounded memory.

    Args:
        classifier: the classifier.
        table: the table.
        source: its bytes.
        settings: how to answer.

    Raises:
        DataError: the table lacks a column that the classifier reads.
    """

    def __init__(self, classifier: Classifier, table: OpenTable, source: TableStream, settings: AnswerSettings) -> None:
        self._classifier, self._table, self._source, self._settings = classifier, table, source, settings
        self.counts: Counts = Counts()
        """Of the rows that are answered so far."""
        if table.reader.columns:  # there is something to read
            refuse_missing(table.reader.columns, classifier.columns, f"{source.name}: the table")

    def answers(
        self, progress: Progress, *, everything: bool = False
    ) -> Generator[tuple[TableRows, Answers], None, None]:
        """Iterate over the rows and their answers.

        Args:
            progress: hears how many rows are answered.
            everything: whether `TableRows.columns` will be called.

        Raises:
            DataError: the table is damaged, or a row cannot be read and is not to be marked.
        """
        table, source, settings = self._table, self._source, self._settings
        columns, everything = self._classifier.columns, everything or bool(self._classifier.columns)
        rows = table.reader.rows(table.texts, join=table.join, everything=everything, mark=settings.mark)
        close = source.stream.close if source.live else None
        chunks = RowSource(rows, source.name, columns, mark=settings.mark, close=close)
        with closing(answered_rows(self._classifier, chunks, limit=settings.limit)) as found:
            for chunk, answers in found:
                yield chunk, answers
                self.counts.add(answers)
                progress.predicted(self.counts.rows)

    def write(self, target: TableStream, form: TableFormat, progress: Progress, *, same_format: bool) -> None:
        """Write the table with the added columns.

        Args:
            target: where to write it.
            form: the format to write.
            progress: hears how many rows are answered.
            same_format: whether it is the format that is read, whose rows keep their bytes.

        Raises:
            RecipeError: the table has one of the columns to add.
            DataError: as `answers`.
        """
        top, several = min(self._settings.top, len(self._classifier.labels)), self._classifier.decision.multi_label
        added = AddedColumns(self._settings.prefix, top, several=several, error=self._settings.mark)
        added.refuse_clash(self._source.name, self._table.reader.names)
        with closing(self.answers(progress, everything=not same_format)) as found:
            answered = (with_columns(chunk, answers, added) for chunk, answers in found)
            form.write(target, self._table.reader, answered, added.types())

    def unread(self) -> list[str]:
        """The columns of the table that the classifier does not read."""
        return unread(self._table.reader.columns, [*self._table.texts, *self._classifier.columns])
