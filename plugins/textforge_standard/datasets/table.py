"""A table in memory, whatever format it was read from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHOWN = 8
"""Maximum number of rows that a message lists."""


@dataclass
class Table:
    """Columns of one file, of equal length; None marks a missing value."""

    path: Path | str
    columns: dict[str, list[Any]]
    called: str = "rows {}"
    """How messages refer to rows with the numbers `{}`."""

    numbers: Sequence[int] | None = None
    """Number of each row in the file; by default rows count from 1."""

    warnings: list[str] = field(default_factory=list)
    """Warnings about the file."""

    n_malformed: int = 0
    """Number of dropped rows with more or fewer fields than columns."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def rows(self, rows: Iterable[int]) -> str:
        """Rows, as messages refer to them."""
        from textforge.errors import listed

        return self.called.format(listed(map(self.number, rows), limit=SHOWN))

    def number(self, row: int) -> str:
        """The number of a row in the file."""
        return str(self.numbers[row] if self.numbers else row + 1)
