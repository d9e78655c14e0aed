"""X as a table: texts with the columns that a recipe's vectorizer reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textforge.components.columns import columns_read, kinds_named
from textforge.components.rows import ColumnKind
from textforge.data.columns import rows_with
from textforge.data.given_rows import TEXT, refuse_missing
from textforge.data.table_objects import columns_of, unpacked
from textforge.errors import DataError, listed
from textforge.recipes.recipe import Recipe
from textforge.sklearn.targets import as_list


def texts_with_columns(given: Any, recipe: Recipe) -> list[str]:
    """The texts of X; if the recipe's vectorizer reads columns, rows of a table or of dicts.

    The column `text` holds the texts. A column that a vectorizer names has the kind that suits it; of the others, those
    of numbers are of the kind number and all else of the kind category. Columns that no vectorizer reads are left out.

    Args:
        given: X.
        recipe: the recipe.

    Raises:
        DataError: X is not texts, or a table without the column of texts, or lacks a column that the recipe names.
    """
    named = kinds_named(recipe.vectorizer)
    if named is None:
        return as_list(given)
    table = _columns(given)
    if table is None:
        return as_list(given)
    refuse_missing(table, named, "X: the table", [TEXT])
    others = {name: values for name, values in table.items() if name != TEXT or name in named}
    kinds = {name: named.get(name) or _kind(values) for name, values in others.items()}
    kinds = columns_read(recipe.vectorizer, kinds)
    if not kinds:
        raise DataError(f"X: the table has no column of the kind that the vectorizer reads; it has {listed(table)}.")
    return [*rows_with(as_list(table[TEXT]), table, kinds, "X")]


def _columns(given: Any) -> dict[str, list[Any]] | None:
    """The columns of a table, or of a list of dicts; None for anything else."""
    if isinstance(given, (list, tuple)) and given and all(isinstance(row, Mapping) for row in given):
        names = [*given[0]]
        if any([*row] != names for row in given):
            raise DataError("X: the dicts have different keys. Give each the same, with None for a missing value.")
        return {str(name): [row[name] for row in given] for name in names}
    if isinstance(given, (list, tuple)) or not (names := columns_of(given)):
        return None
    return {str(name): [*unpacked(given[name])] for name in names}


def _kind(values: list[Any]) -> ColumnKind:
    known = [value for value in values if value is not None and value == value]
    numbers = all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in known)
    return "number" if numbers else "category"
