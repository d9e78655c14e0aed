"""Answer the rows of a table: each chunk of rows gets new columns with its labels and probabilities."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textforge.classifiers.streams.line_reader import Unreadable
from textforge.classifiers.streams.predictions import Answers, answered_ahead
from textforge.data.tables import AnsweredRows, ColumnType, TableRows
from textforge.errors import RecipeError, listed

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


class _Texts:
    """The texts of rows in chunks, as `answered_ahead` takes them; `taken` has the rows of each chunk, in order."""

    def __init__(self, rows: Iterator[TableRows], close: Callable[[], None] | None) -> None:
        self._rows, self._close = rows, close
        self.taken: deque[TableRows] = deque()

    def __iter__(self) -> Iterator[list[str | Unreadable]]:
        for rows in self._rows:
            self.taken.append(rows)
            if None in rows.texts:
                yield [Unreadable(rows.faults.get(n, NO_TEXT)) if text is None else text
                       for n, text in enumerate(rows.texts)]  # fmt: skip
            else:
                yield list(rows.texts)  # type: ignore[arg-type]

    def close(self) -> None:
        if self._close is not None:
            self._close()


def answered_rows(
    classifier: Classifier,
    rows: Iterator[TableRows],
    *,
    limit: int | None,
    close: Callable[[], None] | None = None,
) -> Generator[tuple[TableRows, Answers], None, None]:
    """Iterate over chunks of rows and their predictions; the next chunks are read and vectorized in the background.

    A row without text has no prediction: its place is in `Answers.unreadable`.

    Args:
        classifier: the classifier.
        rows: chunks of rows; read in a background thread.
        limit: as for `answered_ahead`.
        close: ends a read that waits for a pipe; called when the generator is closed.
    """
    texts = _Texts(rows, close)
    with closing(answered_ahead(classifier, texts, limit=limit)) as found:
        for answers in found:
            yield texts.taken.popleft(), answers


@dataclass
class Counts:
    """Numbers of rows answered so far, without text, and that could not be read."""

    rows: int = 0
    missing: int = 0
    faults: int = 0

    def add(self, rows: TableRows) -> None:
        self.rows += len(rows.texts)
        self.faults += len(rows.faults)
        self.missing += rows.texts.count(None) - len(rows.faults)

    def warnings(self) -> Iterator[str]:
        """Sentences about rows that have no answer."""
        if self.missing:
            yield f"{self.missing:,} of {self.rows:,} rows have no text; their label is empty."
        if self.faults:
            yield f"{self.faults:,} of {self.rows:,} rows could not be read; each has an error in its place."


def with_columns(rows: TableRows, answers: Answers, added: AddedColumns) -> AnsweredRows:
    """Rows with the columns that answer them."""
    return AnsweredRows(rows, added.values(answers, dict(rows.faults), len(rows.texts)))


def prediction_dicts(rows: TableRows, answers: Answers) -> Iterator[dict[str, Any]]:
    """Iterate over the predictions as `Answers.dicts` does; a row without text has no label and no probabilities."""
    nothing: dict[str, Any] = {"labels": []} if answers.several else {"label": None}
    for place, found in enumerate(answers.dicts()):
        missing = rows.texts[place] is None and place not in rows.faults
        yield {**nothing, "probabilities": {}} if missing else found
