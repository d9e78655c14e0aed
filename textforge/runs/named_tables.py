"""A table format and its readers whose own failures name the dataset that offers them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textforge.components.part import plugin_errors
from textforge.data.tables import AnsweredRows, ColumnType, TableFormat, TableReader, TableRows, TableStream


@contextmanager
def _format_errors(who: str, doing: str) -> Iterator[None]:
    """Name the format in exceptions raised inside the block, except those of the operating system.

    A full disk or a closed pipe is no fault of the format.

    Raises:
        ComponentError: the format raised an exception.
        OSError: a file cannot be read or written.
    """
    found: OSError | None = None
    with plugin_errors(who, doing):
        try:
            yield
        except OSError as error:
            found = error
    if found is not None:
        raise found


class NamedReader:
    """A reader of the rows of a table; attributes are those of the format's own reader."""

    def __init__(self, own: TableReader, who: str) -> None:
        self.own: TableReader = own
        self._who = who

    def __getattr__(self, name: str) -> Any:
        if name in ("own", "_who"):
            raise AttributeError(name)
        with _format_errors(self._who, "describing a table"):
            return getattr(self.own, name)

    def usual_text(self) -> str | None:
        with _format_errors(self._who, "finding the column of texts"):
            return self.own.usual_text()

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[TableRows]:
        with _format_errors(self._who, "reading rows"):
            rows = iter(self.own.rows(texts, join=join, everything=everything, mark=mark))
        while True:
            with _format_errors(self._who, "reading rows"):
                found = next(rows, None)
            if found is None:
                return
            yield found


class NamedFormat:
    """A table format; see `TableFormat`."""

    def __init__(self, own: TableFormat, who: str) -> None:
        self._own, self._who = own, who
        with _format_errors(who, "describing its table format"):
            self.suffixes: tuple[str, ...] = own.suffixes
            self.written_as: str | None = own.written_as

    def reads(self, path: Path) -> bool:
        with _format_errors(self._who, f"recognizing {path}"):
            return self._own.reads(path)

    def may_be_lines(self, path: Path) -> bool:
        with _format_errors(self._who, f"recognizing {path}"):
            return self._own.may_be_lines(path)

    def reader(self, source: TableStream, options: Mapping[str, Any]) -> TableReader:
        with _format_errors(self._who, f"opening {source.name}"):
            found: Any = NamedReader(self._own.reader(source, options), self._who)
        return found  # type: ignore[no-any-return]

    def write(
        self,
        target: TableStream,
        reader: TableReader,
        answered: Iterable[AnsweredRows],
        added: Mapping[str, ColumnType],
    ) -> None:
        own = reader.own if isinstance(reader, NamedReader) else reader
        with _format_errors(self._who, f"writing {target.name}"):
            self._own.write(target, own, answered, added)
