"""Read the weights of rows from a column of a table."""

import math
from typing import Any

from textforge_standard.datasets.table import Table


def weights_of(table: Table, column: str) -> list[float | None]:
    """The numbers of a column, or numbers written as text; None where the value is missing.

    Raises:
        DataError: a value is not a finite number from 0; names file and row.
    """
    from textforge import DataError

    found = []
    for row, value in enumerate(table.columns[column]):
        weight = _number(value)
        if weight is not None and not (math.isfinite(weight) and weight >= 0):
            shown = repr(value[:40]) if isinstance(value, str) else type(value).__name__ if _is_other(value) else value
            point = _with_point(value)
            advice = f" Write {point}." if point else ""
            raise DataError(
                f"{table.path}: {table.rows([row])}: column '{column}' holds {shown}, which is not a weight. "
                f"A weight is a finite number from 0, such as 0.5.{advice}"
            )
        found.append(weight)
    return found


def _number(value: Any) -> float | None:
    """A value as a number; None if it is missing, NaN if it is not a number."""
    if (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and not value.strip())
    ):
        return None
    if isinstance(value, str):
        return _parsed(value)
    return math.nan if _is_other(value) else float(value)


def _parsed(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _is_other(value: Any) -> bool:
    return isinstance(value, bool) or not isinstance(value, (int, float))


def _with_point(value: Any) -> str | None:
    """A number with a decimal comma, written with a point; None for any other value."""
    if not isinstance(value, str) or value.count(",") != 1:
        return None
    point = value.strip().replace(",", ".")
    return point if math.isfinite(_parsed(point)) else None
