"""A table that a client has sent: look at its first rows, or write all of them with the columns that answer them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from textforge.classifiers.streams.table_answers import AddedColumns, Counts, RowSource, answered_rows, with_columns
from textforge.data.given_rows import refuse_missing
from textforge.data.tables import TableRows, TableStream
from textforge.errors import DataError, RecipeError, listed
from textforge.runs.tables import OpenTable, TableFormats, open_table, packed

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.classifiers.streams.predictions import Answers

SHOWN = 300
"""Characters of a text in a preview."""
LINES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson")
"""Suffixes of formats that are read row by row; the others are read whole, which their own compression makes costly."""
MOST_WHOLE = 2**26
"""Largest table of another format, in bytes."""


class Sink(Protocol):
    """Takes what is written, and what is to be said meanwhile."""

    def write(self, data: bytes) -> object:
        """Take bytes of the answered table."""

    def flush(self) -> None:
        """Pass on what has been written."""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take an event: JSON values under one key."""


@dataclass(frozen=True)
class TableOptions:
    """How to read a table and what to add.

    Args:
        filename: the name of the client's file, whose suffix names the format.
        form: name of its format, if the suffix does not say it.
        written: name of the format to write; by default that of the table, or CSV for a spreadsheet.
        texts: names of the text columns; by default as `textforge predict` chooses them.
        prefix: beginning of the names of the added columns.
        top: number of most probable labels to add.
        options: options of the dataset that reads the table, such as its separator.
    """

    filename: str = "table.csv"
    form: str | None = None
    written: str | None = None
    texts: tuple[str, ...] = ()
    prefix: str = ""
    top: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    def overrides(self) -> list[str]:
        """The options of the dataset as overrides of a recipe."""
        return [f"{name}={json.dumps(value)}" for name, value in self.options.items()]


class AnsweredTable:
    """A table in a file, opened with the options of a request. A row that cannot be read says why in a column `error`.

    Args:
        classifier: the classifier.
        run: its run folder or bundle, whose recipe names text columns and options of the same format; None without.
        stream: the bytes of the table.
        options: the options of the request.
        formats: the installed formats of tables.

    Raises:
        RecipeError: there is no such format, an option is invalid, or an added column exists already.
        DataError: the table cannot be read, or lacks a column.
    """

    def __init__(
        self, classifier: Classifier, run: Path | None, stream: BinaryIO, options: TableOptions, formats: TableFormats
    ) -> None:
        self.classifier: Classifier = classifier
        self.options: TableOptions = options
        self.formats: TableFormats = formats
        self.form: str = options.form or _form_of(options.filename, formats)
        own = formats.named(self.form).written_as or self.form
        self.written: str = options.written or own
        if formats.named(self.written).written_as is not None:
            raise RecipeError(f"textforge does not write the format '{self.written}'. Choose another one, as {own}.")
        path = Path(options.filename)
        self.source: TableStream = TableStream(stream, options.filename, packed(path))
        self._refuse_whole(path)
        self.table: OpenTable = open_table(
            formats, self.form, self.source, run, texts=options.texts, options=options.overrides()
        )
        top = min(options.top, len(classifier.labels))
        self.added: AddedColumns = AddedColumns(
            options.prefix, top, several=classifier.decision.multi_label, error=True
        )
        self.taken: list[str] = [name for name in self.added.types() if name in self.table.reader.names]
        if self.table.reader.columns:
            refuse_missing(self.table.reader.columns, classifier.columns, f"{options.filename}: the table")

    def _refuse_whole(self, path: Path) -> None:
        """Refuse a table that would be read whole, and may grow without limit as it is unpacked."""
        if {*self.formats.named(self.form).suffixes} <= {*LINES}:
            return
        if self.source.packed:
            raise DataError(f"{path.name}: is compressed twice. Send the file inside it.")
        size = self.source.stream.seek(0, 2)
        self.source.stream.seek(0)
        if size > MOST_WHOLE:
            raise DataError(
                f"{path.name}: has {size:,} bytes, and files of this format are read whole, at most {MOST_WHOLE:,} "
                "bytes. Save it as CSV."
            )

    def about(self) -> dict[str, Any]:
        """How the table is read, and what it will be called, as JSON values."""
        stem = Path(self.options.filename)
        while stem.suffix and (packed(stem) or self.formats.of_file(stem)):
            stem = stem.with_suffix("")
        return {
            "format": self.form,
            "columns": list(self.table.reader.columns),
            "text": list(self.table.texts),
            "guessed": self.table.chosen_by_name,
            "added": list(self.added.types()),
            "taken": self.taken,
            "written": self.written,
            "filename": f"{stem.name} answered{self.formats.named(self.written).suffixes[0]}",
        }

    def preview(self, n: int) -> dict[str, Any]:
        """The first rows with their answers, as JSON values."""
        found: dict[str, list[Any]] = {}
        texts: list[str | None] = []
        with closing(self._answered()) as answered:
            for rows, answers in answered:
                texts = list(rows.texts[:n])
                found = with_columns(rows, answers, AddedColumns(several=self.added.several, error=True)).added
                break
        names = ("label", "probability", "error")
        rows_shown = [
            {"text": text and text[:SHOWN], **dict(zip(names, values, strict=True))}
            for text, *values in zip(texts, *(found[name] for name in names), strict=False)
        ] if texts else []  # fmt: skip
        return {**self.about(), "rows": rows_shown, "warnings": list(self.table.reader.warnings)}

    def refuse_taken(self) -> None:
        """Raise a `RecipeError` if the table has one of the added columns."""
        if self.taken:
            columns = listed([f"'{name}'" for name in self.taken])
            raise RecipeError(
                f"{self.options.filename}: has {columns} already. Choose other names for the added columns, as with "
                "prefix=predicted_."
            )

    def write(self, sink: Sink) -> int:
        """Write all rows with the added columns, and return their number; events say how far it is, and what was odd.

        Raises:
            TextforgeError: the table cannot be read to its end, or not be written in this format.
        """
        self.refuse_taken()
        counts, reader = Counts(), self.table.reader
        sink.tell({"opened": self.about()})

        def counted() -> Iterator[tuple[TableRows, Answers]]:
            for rows, answers in found:
                yield rows, answers
                counts.add(answers)
                sink.tell({"rows": counts.rows, "read": self.source.stream.tell()})

        with closing(self._answered()) as found:
            answered = (with_columns(rows, answers, self.added) for rows, answers in counted())
            target: Any = sink
            self.formats.named(self.written).write(
                TableStream(target, "the answer"), reader, answered, self.added.types()
            )
        sink.flush()
        warnings = [*reader.warnings, *counts.warnings()]
        sink.tell({"done": {"rows": counts.rows, "missing": counts.missing, "faults": counts.faults,
                            "warnings": warnings}})  # fmt: skip
        return counts.rows

    def _answered(self) -> Any:
        options, columns = self.options, self.classifier.columns
        rows = self.table.reader.rows(
            self.table.texts, join=self.table.join, everything=bool(columns) or self.written != self.form,
            mark=True,
        )  # fmt: skip
        source = RowSource(rows, options.filename, columns, mark=True)
        return answered_rows(self.classifier, source, limit=None)


def _form_of(filename: str, formats: TableFormats) -> str:
    if (form := formats.of_file(Path(filename))) is None:
        raise DataError(
            f"{filename}: its suffix is not that of a table ({listed(formats.suffixes())}). Rename it, or name its "
            "format."
        )
    return form
