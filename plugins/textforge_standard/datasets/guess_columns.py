"""Suggest columns of a table that may help a classifier beside the text.

They are suggested and never chosen: a column may give the answer away, such as one that is filled in after the label,
and only who knows the data can tell.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textforge_standard.datasets.guess import Column

FEW = 50
"""Most distinct values of a column of categories."""
REPEATS = 5
"""Fewest rows per category on average."""


def column_remarks(others: Sequence["Column"]) -> Iterator[str]:
    """Sentences that suggest columns, of those that are neither text nor label."""
    kinds: dict[str, str] = {}
    for column in others:
        if (kind := _kind(column)) is not None:
            kinds[column.name] = kind
    if not kinds:
        return
    named = {name: name if re.fullmatch(r"[A-Za-z_][\w .-]*", name) else json.dumps(name) for name in kinds}
    written = ", ".join(f"{named[name]}: {kind}" for name, kind in kinds.items())
    parts = {"number": "numbers", "category": "categories"}
    lines = [f"'- {part}'" for kind, part in parts.items() if kind in kinds.values()]
    lines += [f"'- {{use: tfidf, column: {named[name]}}}'" for name, kind in kinds.items() if kind == "text"]
    yield (
        f"Columns may help beside the text: set 'columns: {{{written}}}', and add {' and '.join(lines)} to 'of' of the "
        "vectorizer 'union'. Leave out those that are known only once the label is, and compare the runs."
    )


def _kind(column: "Column") -> str | None:
    """The kind of a column that may help; None for ids, dates, groups, lists and constants."""
    if column.lists or column.is_group or column.is_date or len(column.distinct) < 2:
        return None
    if {"id", "ids", "index", "uuid"} & {*column.name_words}:
        return None
    whole = all(text.strip().lstrip("+-").isdigit() for text in column.sample[:1000])
    if _are_numbers(column) and not column.is_flags:
        return None if whole and len(column.distinct) == len(column.texts) else "number"  # numbers of rows
    if len(column.distinct) <= FEW and len(column.distinct) * REPEATS <= len(column.texts):
        return "category"
    return "text" if column.words >= 2 else None


def _are_numbers(column: "Column") -> bool:
    """Whether all values are numbers as `float` reads them."""
    try:
        return bool([float(text) for text in column.sample[:1000]])
    except ValueError:
        return False
