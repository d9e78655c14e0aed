"""Columns that a vectorizer over columns reads: those that its option names, else all of its kind."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Annotated, Any

from annotated_types import MinLen

Names = str | Annotated[list[str], MinLen(1)] | None
"""Name of a column, names of several, or None for all columns of the kind."""


def chosen_columns(names: Names, texts: Sequence[str], kind: str) -> list[str]:
    """The names of the columns to read.

    Args:
        names: the names that the recipe gives; None for all columns of the kind.
        texts: rows, the first of which says which columns there are.
        kind: the kind of the columns.

    Raises:
        DataError: the rows have no columns of the kind, or a named one is of another kind.
    """
    from textforge import DataError
    from textforge.data import kinds_of
    from textforge.errors import did_you_mean, listed

    kinds = kinds_of(texts)
    has = f"The texts have the columns {listed(kinds)}" if kinds else "The texts have no columns"
    found = [name for name, own in kinds.items() if own == kind] if names is None else names
    found = [found] if isinstance(found, str) else found
    if not found:
        raise DataError(f"there is no column of the kind {kind}. {has}; the dataset's option 'columns' names them.")
    for name in found:
        if name not in kinds:
            raise DataError(f"there is no column '{name}'. {has}.{did_you_mean(name, kinds)}")
        if (own := kinds[name]) != kind:
            raise DataError(f"the column '{name}' is of the kind {own}, but a column of the kind {kind} is needed.")
    return [*dict.fromkeys(found)]


def first_and_all(chunks: Iterable[Sequence[str]]) -> tuple[Sequence[str], Iterator[Sequence[str]]]:
    """The first chunk that has texts, and all chunks."""
    rest = iter(chunks)
    before: list[Any] = []
    for chunk in rest:
        before.append(chunk)
        if len(chunk):
            return chunk, chain(before, rest)
    return [], iter(before)
