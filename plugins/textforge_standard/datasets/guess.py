"""Guess which columns of a table are texts and labels, from their names and values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from textforge_standard.datasets.columns import FLAGS, Table, as_text
from textforge_standard.datasets.guess_columns import column_remarks
from textforge_standard.datasets.shown import shown_names
from textforge_standard.datasets.unlabelled import UNKNOWN

TEXT_NAMES = re.compile(
    "texts?|reviews?|contents?|body|messages?|comments?|sentences?|tweets?|documents?|descriptions?|abstracts?|"
    "utterances?|query|queries|questions?|posts?|articles?|headlines?|titles?|summary"
)
LABEL_NAMES = (
    re.compile("labels?|class|classes|category|categories|targets?|y"),
    re.compile("sentiments?|topics?|tags?|intents?|genres?|emotions?|spam|toxic"),
    re.compile("ratings?|stars|polarity|language|lang"),
    re.compile("types?|kinds?|outcomes?|verdicts?|gold|annotations?|departments?|queues?"),
)
"""Names of label columns, most certain first."""
TITLE_NAMES = re.compile("titles?|headlines?|subjects?|headings?|summary|summaries")
GROUP_NAMES = re.compile(
    "authors?|users?|customers?|patients?|threads?|sessions?|conversations?|groups?|speakers?|reviewers?"
)
DATE = re.compile(r"\d{4}[-/.]\d\d?([-/.]\d\d?([T ].*)?)?|\d\d?[-/.]\d\d?[-/.]\d{2,4}( .*)?")
MAX_CLASSES = 1000
FEW = 50
"""Suggest an unnamed column as an alternative label column if it has at most this many distinct values."""
SAMPLE = 20_000


@dataclass(frozen=True)
class Column:
    """A column and statistics of its values."""

    name: str
    values: list[Any]

    @cached_property
    def texts(self) -> list[str]:
        """The values as text, without missing ones."""
        plain = (as_text(value) for value in self.values if isinstance(value, (str, bool, int, float)))
        return [text for text in plain if text.strip() and text != "nan"]

    @cached_property
    def lists(self) -> list[Any]:
        return [value for value in self.values if isinstance(value, list)]

    @cached_property
    def distinct(self) -> set[str]:
        return set(self.texts)

    @cached_property
    def sample(self) -> list[str]:
        """Texts sampled evenly over the column."""
        return self.texts[:: max(1, len(self.texts) // SAMPLE)]

    @cached_property
    def words(self) -> float:
        """Mean number of words per text."""
        return sum(len(text.split()) for text in self.sample) / max(1, len(self.sample))

    @property
    def is_flags(self) -> bool:
        return bool(self.flag_values) and self.flag_values <= FLAGS

    @cached_property
    def flag_values(self) -> set[str]:
        """The distinct values in lower case, without the mark of withheld labels."""
        return {text.strip().lower() for text in self.distinct} - {*UNKNOWN}

    def named(self, names: re.Pattern[str]) -> bool:
        """Whether a word of the name matches: `review_text`, `reviewText` and `Review Text` contain `text`."""
        return any(map(names.fullmatch, self.name_words))

    @cached_property
    def name_words(self) -> list[str]:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name)
        return re.split(r"[\W_\d]+", spaced.lower())

    @property
    def is_group(self) -> bool:
        """Whether the values identify groups of rows: `author` and `user_id`, but not `user_timezone`."""
        plain = all(GROUP_NAMES.fullmatch(word) or word in ("id", "name", "") for word in self.name_words)
        return plain and self.named(GROUP_NAMES) and 1 < len(self.distinct) < len(self.texts)

    @cached_property
    def is_date(self) -> bool:
        return bool(self.texts) and all(DATE.fullmatch(text.strip()) for text in self.sample[:1000])

    @cached_property
    def is_number(self) -> bool:
        return bool(self.texts) and all(
            re.fullmatch(r"[-+]?\d+([.,]\d+)?", text.strip()) for text in self.sample[:1000]
        )

    @cached_property
    def rank(self) -> int:
        """Index into `LABEL_NAMES` of the match with the name; 0 is the most certain."""
        return next((rank for rank, names in enumerate(LABEL_NAMES) if self.named(names)), len(LABEL_NAMES))

    @cached_property
    def separator(self) -> str | None:
        """The likely separator of several labels in one field, or None."""
        different = len(set(self.sample))
        for separator, fewer in (
            ("|", different - 1),
            (";", different - 1),
            (",", different / 2),
        ):  # a comma may be part of a name
            rows = [[piece.strip() for piece in text.split(separator)] for text in self.sample]
            pieces = {piece for row in rows for piece in row if piece}
            often = sum(len(row) > 1 for row in rows) * 10 >= len(rows)
            if often and 2 <= len(pieces) <= min(MAX_CLASSES, fewer, len(rows) / 2):
                return separator
        return None

    @cached_property
    def may_label(self) -> bool:
        """Whether the values are few, distinct and short, or lists of such values."""
        if self.lists:
            names = {str(name) for row in self.lists for name in row}
            plain = all(isinstance(name, (str, bool, int)) for row in self.lists for name in row)
            return plain and 1 <= len(names) <= min(MAX_CLASSES, max(2, len(self.lists)))
        if any(isinstance(value, float) and value % 1 for value in self.values):  # no dataset reads fractions as labels
            return False
        few = 2 <= len(self.distinct) <= max(2, min(MAX_CLASSES, len(self.texts) // 2))
        return self.words <= 6 and not self.is_date and (few or self.separator is not None)

    @property
    def likelihood(self) -> tuple[Any, ...]:
        """Sort key, likeliest label first: by name, words and flags before numbers, few distinct values before many."""
        is_id = {"id", "ids"} & {*self.name_words}
        return self.rank, not self.lists, bool(is_id), self.is_number and not self.is_flags, len(self.distinct)

    def described(self) -> str:
        """The column, as messages refer to it."""
        if self.lists:
            return f"'{self.name}' (lists)"
        n = len(self.distinct)
        return f"'{self.name}' ({n:,} distinct value{'' if n == 1 else 's'})"


@dataclass
class Guess:
    """Options for the columns, the reason for each, and remarks about alternatives."""

    options: dict[str, Any]
    why: dict[str, str]
    remarks: list[str]


def guess(table: Table) -> Guess:
    """Guess the options for the columns of a table.

    Raises:
        DataError: no column looks like texts, or none like labels; lists all columns.
    """
    from textforge import DataError
    from textforge.errors import listed

    columns = [Column(name, values) for name, values in table.columns.items()]
    labels = _labels(columns)
    text = _text([column for column in columns if column not in labels])
    if not labels or text is None:
        if reason := _no_use(columns, labels):
            raise DataError(f"{table.path}: {reason}")
        what = "labels (few distinct short values)" if not labels else "texts"
        names = shown_names([column.name for column in columns])
        shown = listed(replace(column, name=name).described() for column, name in zip(columns, names, strict=True))
        advice = "If one does hold them, write the recipe by hand; docs/data.md has an example."
        raise DataError(
            " ".join([f"{table.path}: no column looks like {what}. Columns: {shown}.", *table.warnings, advice])
        )
    n = len(columns[0].values)
    found = Guess({}, {}, [f"{n:,} rows; columns: {listed(column.name for column in columns)}."])
    title = _title(text, [column for column in columns if column not in labels])
    found.options["text"] = text.name if title is None else [title.name, text.name]
    found.why["text"] = f"{'by its name; ' if text.named(TEXT_NAMES) else ''}{text.words:.0f} words per text on average"
    if title is not None:
        found.why["text"] = "a title and its text, joined by a line break"
        found.remarks.append(
            f"'{title.name}' and '{text.name}' look like a title and its text, so they are joined. "
            f"Set 'text: {text.name}' to read the text alone."
        )
    _tell_labels(labels, found)
    others = [column for column in columns if column not in (text, title) and column not in labels]
    found.remarks += _alternatives(text, labels, others)
    found.remarks += column_remarks(others)
    return found


def _no_use(columns: list[Column], labels: list[Column]) -> str | None:
    """Why a column that is named as texts or labels cannot serve; None if there is no such column."""
    for column in columns:
        n, short = len(column.distinct), column.words <= 6
        if labels and n == 1 and column.named(TEXT_NAMES):
            return f"the column '{column.name}' has the same text in every row, so nothing can be learned from it."
        if not labels and n == 1 and column.rank == 0:
            return f"the column '{column.name}' has one label only; a classifier needs texts of at least two classes."
        if not labels and column.rank == 0 and short and MAX_CLASSES < n < len(column.texts):
            return (
                f"the column '{column.name}' has {n:,} distinct labels, and init writes recipes for at most "
                f"{MAX_CLASSES:,} classes. Join rare labels into one, or write the recipe by hand; docs/data.md has an "
                "example."
            )
    return None


def _labels(columns: list[Column]) -> list[Column]:
    """The label column, or the columns of 0 and 1 with one label each."""
    candidates = [column for column in columns if column.may_label]
    sets = ({"0", "1"}, FLAGS - {"0", "1"})
    alike = [[c for c in candidates if c.flag_values and c.flag_values <= values] for values in sets]
    flags = max(alike, key=len)
    others = [column for column in candidates if not column.is_flags or column.rank == 0]
    if len(flags) > 1 and all(column.rank == len(LABEL_NAMES) for column in others):
        return flags
    return sorted(candidates, key=lambda column: column.likelihood)[:1]


def _text(columns: list[Column]) -> Column | None:
    """The column with the longest texts, or one named as text with texts of similar length."""
    candidates = [column for column in columns if column.words >= 1 and len(column.distinct) > 1 and not column.lists]
    candidates = [column for column in candidates if not _numbers(column)]
    longest = max((column.words for column in candidates), default=0)
    named = [column for column in candidates if column.named(TEXT_NAMES) and column.words * 4 >= longest]
    return max(named or candidates, key=lambda column: column.words, default=None)


def _title(text: Column, columns: list[Column]) -> Column | None:
    """The column of titles: named as such, or just before the text in a table without names."""
    candidates = [
        column
        for column in columns
        if column is not text and not column.lists and not _numbers(column) and len(column.distinct) > 1
        and 1 <= column.words <= text.words
    ]  # fmt: skip
    if any(column.named(TITLE_NAMES) for column in candidates):
        return max((column for column in candidates if column.named(TITLE_NAMES)), key=lambda column: column.words)
    before = columns.index(text) - 1
    unnamed = all(re.fullmatch(r"column_\d+", column.name) for column in columns)
    if unnamed and before >= 0 and columns[before] in candidates:
        column = columns[before]
        if column.words >= 2 and len(column.distinct) * 2 > len(column.texts):
            return column
    return None


def _numbers(column: Column) -> bool:
    return all(re.fullmatch(r"[-+\d.,:/eT ]+", text) for text in column.texts[:1000])


def _tell_labels(labels: list[Column], found: Guess) -> None:
    if len(labels) > 1:
        found.options["label"] = [column.name for column in labels]
        found.why["label"] = "columns of 0 and 1, or true and false; a text may have several of these labels"
        return
    (label,) = labels
    found.options["label"] = label.name
    why = "by its name" if label.rank < len(LABEL_NAMES) else "by its few distinct values"
    if label.lists:
        why += "; lists, so a text may have several labels"
    elif label.separator is not None:
        found.options["label_separator"] = label.separator
        found.why["label_separator"] = "separates the labels of a text"
    else:
        why += f"; {len(label.distinct)} classes"
    found.why["label"] = why


def _alternatives(text: Column, labels: list[Column], others: list[Column]) -> Iterator[str]:
    for column in others:
        if column.is_group:
            yield f"Rows with the same '{column.name}' may belong together; 'group: {column.name}' keeps them so."
        elif not column.may_label and column.words >= 2 and not column.lists and not _numbers(column):
            yield f"'{column.name}' holds text too: 'text: [{column.name}, {text.name}]' would join the two."
    possible = [column for column in others if column.may_label and not column.is_group]
    likely = [c for c in possible if c.rank < len(LABEL_NAMES) or c.lists or len(c.distinct) <= FEW]
    if likely:
        choices = " or ".join(column.described() for column in sorted(likely, key=lambda column: column.rank))
        yield f"The labels could also be {choices}: then set 'label: {min(likely, key=lambda c: c.rank).name}'."
    if len(labels) > 1:
        yield f"If only one of these columns holds labels, set 'label: {labels[0].name}'."
