"""Answer the rows of a table: each chunk of rows gets new columns with its labels and probabilities."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textforge.classifiers.streams.line_reader import Unreadable
from textforge.classifiers.streams.predictions import Answers, answered_ahead
from textforge.components.rows import ColumnKinds
from textforge.data.given_rows import nested_fields, row_of
from textforge.data.tables import AnsweredRows, ColumnType, TableRows
from textforge.errors import DataError, RecipeError, listed

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier

NO_TEXT = "has no text"


@dataclass(frozen=True)
class AddedColumns:
    """The columns that answer a row: label, probability, the most probable labels, and a reason without an answer.

    Args:
        prefix: beginning of each name.
        top: number of most probable labels to add with their probabilities, as `label_1`, `probability_1`, …
        several: whether a text may have several labels; then label and probability are lists.
        error: whether to add a column for the reason why a row cannot be read.
    """

    prefix: str = ""
    top: int = 0
    several: bool = False
    error: bool = False

    def types(self) -> dict[str, ColumnType]:
        """Name and type of each column, in order."""
        first: dict[str, ColumnType] = {"label": "text", "probability": "number"}
        if self.several:
            first = {"label": "texts", "probability": "numbers"}
        for rank in range(1, self.top + 1):
            first |= {f"label_{rank}": "text", f"probability_{rank}": "number"}
        if self.error:
            first["error"] = "text"
        return {self.prefix + name: kind for name, kind in first.items()}

    def refuse_clash(self, place: str, taken: Sequence[str]) -> None:
        """Check that a table has none of the added columns.

        Raises:
            RecipeError: it has some.
        """
        if both := [name for name in self.types() if name in taken]:
            columns = "a column" if len(both) == 1 else "columns"
            names = listed([f"'{name}'" for name in both])
            raise RecipeError(
                f"{place}: has {columns} {names} already. Choose other names for the "
                f"added columns, for example with --prefix predicted_ ('predicted_{both[0]}')."
            )

    def values(self, answers: Answers, faults: dict[int, str], n: int) -> dict[str, list[Any]]:
        """The values of each column for `n` rows; a row without an answer has None."""
        if not n:
            return {name: [] for name in self.types()}
        rows = iter(self._answered(answers))
        nothing = [None] * (2 + 2 * self.top)
        table = [nothing if place in answers.unreadable else next(rows) for place in range(n)]
        if self.error:
            table = [[*row, faults.get(place)] for place, row in enumerate(table)]
        return dict(zip(self.types(), map(list, zip(*table, strict=True)), strict=True))

    def _answered(self, answers: Answers) -> Iterator[list[Any]]:
        labels = answers.classes.names
        values = answers.probabilities.tolist()
        ranked = answers.most_probable(self.top) if self.top else ([()] * len(values), [()] * len(values))
        for chosen, row, numbers, best in zip(answers.chosen, values, *ranked, strict=True):
            if self.several:
                found: list[Any] = [[labels[n] for n in chosen], [row[n] for n in chosen]]
            else:
                found = [labels[chosen[0]], row[chosen[0]]] if chosen else [None, max(row)]
            for number, probability in zip(numbers, best, strict=True):
                found += [labels[number], probability]
            yield found


class RowSource:
    """The texts of rows in chunks, as `answered_ahead` takes them; `taken` has the rows of each chunk, in order.

    Args:
        rows: chunks of rows.
        name: the table, for messages.
        columns: the columns that texts need beside them, with their kinds.
        mark: whether a row whose columns cannot be read is marked instead of raising.
        close: ends a read that waits for a pipe.
    """

    def __init__(
        self,
        rows: Iterator[TableRows],
        name: str = "the table",
        columns: ColumnKinds | None = None,
        *,
        mark: bool = False,
        close: Callable[[], None] | None = None,
    ) -> None:
        self._rows, self._close, self._name, self._mark = rows, close, name, mark
        self._columns: ColumnKinds = columns or {}
        self._n_rows = 0
        self.taken: deque[TableRows] = deque()

    def __iter__(self) -> Iterator[list[str | Unreadable]]:
        for rows in self._rows:
            self.taken.append(rows)
            if self._columns:
                yield self._with_columns(rows)
            elif None in rows.texts:
                yield [Unreadable(rows.faults.get(n, NO_TEXT)) if text is None else text
                       for n, text in enumerate(rows.texts)]  # fmt: skip
            else:
                yield list(rows.texts)  # type: ignore[arg-type]
            self._n_rows += len(rows.texts)

    def close(self) -> None:
        """Stop reading."""
        if self._close is not None:
            self._close()

    def _with_columns(self, rows: TableRows) -> list[str | Unreadable]:
        """The texts of rows with the columns that they need.

        Raises:
            DataError: a value does not fit its kind, and it is not to be marked; names the row.
        """
        every = rows.columns()
        columns = [every[name] if name in every else _nested(every, name, len(rows.texts)) for name in self._columns]
        found: list[str | Unreadable] = []
        for n, (text, *values) in enumerate(zip(rows.texts, *columns, strict=True)):
            if text is None:
                found.append(Unreadable(rows.faults.get(n, NO_TEXT)))
                continue
            place = f"row {self._n_rows + n + 1}"
            try:
                found.append(row_of(dict(zip(self._columns, values, strict=True)), self._columns, place, text))
            except DataError as error:
                if not self._mark:
                    advice = "Correct the row, or continue past such rows with --on-error mark."
                    raise DataError(f"{self._name}: {error} {advice}") from error
                found.append(Unreadable(str(error)))
        return found


def _nested(columns: Mapping[str, Sequence[Any]], name: str, n: int) -> list[Any]:
    """The values of a name with dots, which leads into the objects of a column; None where there is none."""
    outer, _, inner = name.partition(".")
    objects = columns.get(outer, [None] * n)
    return [nested_fields(one, [inner]).get(inner) if isinstance(one, Mapping) else None for one in objects]


def answered_rows(
    classifier: Classifier, source: RowSource, *, limit: int | None
) -> Generator[tuple[TableRows, Answers], None, None]:
    """Iterate over chunks of rows and their predictions; the next chunks are read and vectorized in the background.

    A row without text has no prediction: its place is in `Answers.unreadable`.

    Args:
        classifier: the classifier.
        source: the rows; read in a background thread, and closed when the generator is closed.
        limit: as for `answered_ahead`.
    """
    with closing(answered_ahead(classifier, source, limit=limit)) as found:
        for answers in found:
            yield source.taken.popleft(), answers


@dataclass
class Counts:
    """Numbers of rows answered so far, without text, and that could not be read."""

    rows: int = 0
    missing: int = 0
    faults: int = 0

    def add(self, answers: Answers) -> None:
        """Add the answers of a chunk."""
        self.rows += len(answers)
        faults = len(_faults(answers))
        self.faults += faults
        self.missing += len(answers.unreadable) - faults

    def warnings(self) -> Iterator[str]:
        """Sentences about rows that have no answer."""
        if self.missing:
            yield f"{self.missing:,} of {self.rows:,} rows have no text; their label is empty."
        if self.faults:
            yield f"{self.faults:,} of {self.rows:,} rows could not be read; each has an error in its place."


def with_columns(rows: TableRows, answers: Answers, added: AddedColumns) -> AnsweredRows:
    """Rows with the columns that answer them."""
    return AnsweredRows(rows, added.values(answers, _faults(answers), len(rows.texts)))


def prediction_dicts(answers: Answers) -> Iterator[dict[str, Any]]:
    """Iterate over the predictions as `Answers.dicts` does; a row without text has no label and no probabilities."""
    nothing: dict[str, Any] = {"labels": []} if answers.several else {"label": None}
    for place, found in enumerate(answers.dicts()):
        yield {**nothing, "probabilities": {}} if answers.unreadable.get(place) == NO_TEXT else found


def _faults(answers: Answers) -> dict[int, str]:
    """Position and reason of each row that could not be read; rows without text are no such rows."""
    return {place: why for place, why in answers.unreadable.items() if why != NO_TEXT}
