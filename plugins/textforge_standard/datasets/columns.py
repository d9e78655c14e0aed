"""Read texts, labels, groups and weights from the columns of a table."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from textforge_standard.datasets.label_forms import SimilarLabels, in_common_form
from textforge_standard.datasets.row_columns import Kinds, with_columns
from textforge_standard.datasets.row_weights import weights_of
from textforge_standard.datasets.shown import shown_names
from textforge_standard.datasets.splits import Examples
from textforge_standard.datasets.table import SHOWN, Table as Table
from textforge_standard.datasets.unlabelled import UNKNOWN

Names = Annotated[list[str], MinLen(1)]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Roles of the columns.

    Options:
        text: name of the text column, or a list of columns to join; empty fields are skipped.
        join: separator between joined columns.
        label: name of the label column, or a list of columns of 0 and 1 (or true and false, yes and no), one per
            label (multi-label); labels are read as text, and a column of lists makes the data multi-label.
        label_separator: separator between the labels in a text field, as '|' in 'a|b' (multi-label); a row whose
            field is empty or missing has no label.
        group: column that names the group of a row, such as its author; a hold-out never splits a group.
        weight: column of numbers from 0 that say how much each row counts, in training and in metrics; only their
            ratios matter.
        columns: columns that vectorizers read beside the text, with their kinds, as in
            {price: number, country: category, title: text}; an empty field is a missing value.
        missing: treat rows without text or label as an error, or drop and count them.
        similar_labels: labels that look alike, such as 'ball' and 'ball ' or letters with composed and decomposed
            accents, stay separate classes (keep), become one (join), or become one regardless of case (ignore_case).
    """

    text: str | Names = "text"
    join: str = "\n"
    label: str | Names = "label"
    label_separator: Annotated[str, MinLen(1)] | None = None
    group: str | None = None
    weight: str | None = None
    columns: Kinds | None = None
    missing: Literal["error", "drop"] = "error"
    similar_labels: SimilarLabels = "keep"

    @property
    def texts(self) -> list[str]:
        return [self.text] if isinstance(self.text, str) else self.text

    @property
    def labels(self) -> list[str]:
        return [self.label] if isinstance(self.label, str) else self.label

    def wanted(self) -> dict[str, str]:
        """Map each column to read to the option that names it."""
        lone = {"group": self.group, "weight": self.weight}
        named = {option: [name] for option, name in lone.items() if name is not None}
        found: dict[str, str] = {}
        for option, names in {"text": self.texts, "label": self.labels, **named, "columns": self.columns or ()}.items():
            for name in names:
                found.setdefault(name, option)
        return found

    def brings_columns(self) -> Kinds:
        """The columns that vectorizers may read, with their kinds."""
        return self.columns or {}

    def wrong(self) -> str | None:
        for option, names in (("text", self.texts), ("label", self.labels)):
            if twice := next((name for name in names if names.count(name) > 1), None):
                return f"{option} names the column '{twice}' twice."
        if both := next((name for name in self.texts if name in self.labels), None):
            return f"text and label both name the column '{both}'; name two different columns."
        if self.weight is not None and (other := self.wanted()[self.weight]) != "weight":
            return f"{other} and weight both name the column '{self.weight}'; name two different columns."
        if both := next((name for name in self.columns or () if name in self.labels), None):
            return f"label and columns both name the column '{both}', which would give the answer away; remove one."
        if self.label_separator is not None and not isinstance(self.label, str):
            return "label_separator splits one column of labels, but label names several columns of 0 and 1."
        return None


def look_up(path: Path | str, header: Sequence[str], wanted: dict[str, str]) -> None:
    """Validate that the header has each wanted column exactly once.

    Raises:
        DataError: a column is missing or repeated; suggests the nearest name.
    """
    from textforge import DataError
    from textforge.errors import did_you_mean, listed

    for column, option in wanted.items():
        if column not in header:
            raise DataError(
                f"{path}: no column '{column}'. Its columns: {listed(shown_names(header))}."
                f"{did_you_mean(column, header)} Name it with dataset.{option}."
            )
        if header.count(column) > 1:
            raise DataError(f"{path}: {header.count(column)} columns are named '{column}'. Rename all but one.")


def examples(table: Table, columns: Columns) -> Examples:
    """Read a table's texts, labels, groups and weights; report or drop incomplete rows.

    Raises:
        DataError: a value is missing or has the wrong type; names file and row.
    """
    file = Incomplete(table.path, columns)
    found = file.complete(table)
    found.warnings += file.told()
    return found


class Incomplete:
    """Filter for the complete rows of a file; collects a report on the others."""

    def __init__(self, path: Path | str, columns: Columns) -> None:
        self.path, self.columns = path, columns
        named = {"text": columns.text, "label": columns.label, "group": columns.group, "weight": columns.weight}
        self.counts = {what: 0 for what, name in named.items() if name is not None}
        self.n = self.unlabelled = self.incomplete = 0
        self.first: list[str] = []
        self.called = ""
        self.warnings: list[str] = []
        self.unknown = False
        """Whether some label was missing because it is -1."""

    def complete(self, table: Table) -> Examples:
        """A table's rows that have a text, a label, a group and a weight.

        Raises:
            DataError: a value has the wrong type; names file and row.
        """
        columns = self.columns
        self.warnings += table.warnings
        texts = _texts(table, columns)
        labels = in_common_form(_labels(table, columns), columns.similar_labels)
        groups: list[Any] | None = None
        if (name := columns.group) is not None:
            groups = [v if v is None else as_text(v) for v in _values(table, name, _is_plain, "text or a number")]
        weights = None if columns.weight is None else weights_of(table, columns.weight)
        lacking = {
            "text": [not text.strip() for text in texts],
            "label": [label is None or (isinstance(label, str) and not label.strip()) for label in labels],
            "group": [not group for group in groups or ()],
            "weight": [weight is None for weight in weights or ()],
        }
        self.n, self.unlabelled = self.n + len(texts), self.unlabelled + labels.count([])
        found = Examples(with_columns(texts, table, columns.columns), labels, groups, weights=weights)
        if not any(True in lacks for lacks in lacking.values()):
            return found
        for what in self.counts:
            self.counts[what] += sum(lacking[what])
        gone = {row for lacks in lacking.values() for row, lacks_it in enumerate(lacks) if lacks_it}
        self.first += [table.number(row) for row in sorted(gone)[: SHOWN - len(self.first)]]
        self.incomplete, self.called = self.incomplete + len(gone), table.called
        flags = [] if isinstance(columns.label, str) else columns.label
        self.unknown |= any(as_text(table.columns[name][row]).strip() in UNKNOWN for name in flags for row in gone)
        return found.rows(row for row in range(len(texts)) if row not in gone)

    def told(self) -> list[str]:
        """Warnings about dropped rows and about rows without labels, after all tables were read.

        Raises:
            DataError: rows are incomplete and `missing` is 'error', or no complete row exists.
        """
        from textforge import DataError
        from textforge.errors import listed

        warnings = list(self.warnings)
        rows = [*self.first, *[""] * (self.incomplete - len(self.first))]
        where = self.called.format(listed(rows, limit=SHOWN))
        where += "; -1 marks a withheld label" if self.unknown else ""
        if self.n == self.incomplete and (self.columns.missing == "error" or not self.n):
            why = f": {what_is_missing(self.n, self.counts)} ({where})" if self.n else ""
            null = "If this is a test file with withheld labels (often -1), set dataset.test to null."
            advice = f" {null}" if self.n and self.counts["label"] == self.n else ""
            raise DataError(f"{self.path}: no row has both a text and a label{why}.{advice}")
        if self.incomplete:
            lacking = f"{self.path}: {what_is_missing(self.n, self.counts)} ({where})"
            warnings.append(missing_warning(lacking, self.columns.missing))
        if self.unlabelled:
            warnings.append(f"{self.path}: {self.unlabelled} of {self.n} rows have none of the labels.")
        return warnings


def missing_warning(lacking: str, missing: str) -> str:
    """The warning about dropped rows.

    Args:
        lacking: the file, and what its rows lack.
        missing: 'error' or 'drop'.

    Raises:
        DataError: `missing` is 'error'.
    """
    from textforge import DataError

    if missing == "error":
        raise DataError(f"{lacking}. Fill them in, or drop these rows with dataset.missing: drop.")
    return f"{lacking}; they were dropped."


def what_is_missing(n: int, counts: dict[str, int], called: str = "rows") -> str:
    """Say how many of n rows lack what: `3 of 9 rows have no text, 1 no label`."""
    (first, most), *others = counts.items()
    return ", ".join([f"{most} of {n} {called} have no {first}", *(f"{count} no {what}" for what, count in others)])


def as_text(value: Any) -> str:
    """Format a number or boolean as JSON does; 3.0 becomes 3, since tools write a 3 beside a missing value as 3.0."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, bool, int, float))


def _is_name(value: Any) -> bool:
    return isinstance(value, (str, bool, int)) or (isinstance(value, float) and value.is_integer())


def _is_label(value: Any) -> bool:
    return _is_name(value) or (isinstance(value, (list, tuple)) and all(map(_is_name, value)))


def _values(table: Table, column: str, fits: Callable[[Any], bool], wanted: str) -> list[Any]:
    """Validate a column's values; NaN becomes None."""
    from textforge import DataError

    values = table.columns[column]
    if {*map(type, values)} <= {str, type(None)}:  # fast path for the common case
        return values
    values = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    for row, value in enumerate(values):
        if value is None or fits(value):
            continue
        if isinstance(value, dict):
            inner = next(iter(value), "field")
            advice = f"nested fields. Name one of them with a dot, such as '{column}.{inner}'."
            raise DataError(f"{table.path}: {table.rows([row])}: column '{column}' holds {advice}")
        shown = value if isinstance(value, (int, float)) else type(value).__name__
        raise DataError(f"{table.path}: {table.rows([row])}: column '{column}' holds {shown}, which is not {wanted}.")
    return values


def _texts(table: Table, columns: Columns) -> list[str]:
    found = (_values(table, name, _is_plain, "text") for name in columns.texts)
    parts = [values if {*map(type, values)} == {str} else
             ["" if value is None else as_text(value) for value in values] for values in found]  # fmt: skip
    if len(parts) == 1:
        return parts[0]
    return joined(parts, columns.join)


def joined(parts: Sequence[Sequence[str]], join: str) -> list[str]:
    """The texts of several columns joined row by row; empty ones are skipped."""
    return [join.join(filter(str.strip, row)) for row in zip(*parts, strict=True)]


def _labels(table: Table, columns: Columns) -> list[Any]:
    """The label or list of labels of each row; None if it is missing."""
    if not isinstance(columns.label, str):
        return _flags(table, columns.label)
    kind = "a label (text, a whole number, true or false) or a list of them"
    values = _values(table, columns.label, _is_label, kind)
    if (separator := columns.label_separator) is not None:
        # Tables cannot tell an empty field from a missing one: both mean no labels.
        return [_divided(v, separator) if isinstance(v, str) else _listed(v) or [] for v in values]
    if {*map(type, values)} <= {str, type(None)}:
        return values
    return [_listed(v) if isinstance(v, (list, tuple)) else None if v is None else as_text(v) for v in values]


def _divided(value: str, separator: str) -> list[str]:
    return list(dict.fromkeys(filter(None, map(str.strip, value.split(separator)))))


def _listed(value: Any) -> list[str] | None:
    if value is None:
        return None
    return list(dict.fromkeys(map(as_text, value if isinstance(value, (list, tuple)) else [value])))


ON, OFF = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no"})
FLAGS = ON | OFF
"""Lower-cased; any case is accepted."""


def _flags(table: Table, names: list[str]) -> list[list[str] | None]:
    """The names of the columns that hold a 1; None if one is empty or -1, which marks a withheld label."""
    from textforge import DataError

    rows: list[list[str] | None] = [[] for _ in table.columns[names[0]]]
    for name in names:
        for row, value in enumerate(_values(table, name, _is_plain, "0 or 1")):
            shown = "" if value is None else as_text(value).strip().lower()
            if not shown or shown in UNKNOWN:
                rows[row] = None
            elif shown not in FLAGS:
                raise DataError(
                    f"{table.path}: {table.rows([row])}: column '{name}' holds {as_text(value)[:40]!r}; in a "
                    "list of label columns, values are 0 or 1, true or false, yes or no."
                )
            elif shown in ON and (labels := rows[row]) is not None:
                labels.append(name)
    return rows
