"""A mistake in a recipe, and its position in the source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textforge.errors.names import cut

LONGEST_MESSAGE = 2000
"""Limit on the characters of one message, not counting the quoted line."""


@dataclass(frozen=True)
class Place:
    """Position of a value: a file with line and column (both from 1), or an override."""

    source: str
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    width: int = 1
    folder: Path | None = None
    """Base folder of relative paths; None for the working directory."""

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)

    def pointer(self) -> str:
        """The source line with carets under the value; empty if there is no source line."""
        if self.excerpt is None or self.column is None:
            return ""
        line = self.excerpt.rstrip()
        width = max(1, min(self.width, len(line) - self.column + 1))
        start = max(0, self.column - 61) if len(line) > 120 else 0
        line = "".join(c if c.isprintable() else " " for c in line[start : start + 120])
        return (
            f"\n    {line}\n    {' ' * (self.column - 1 - start)}{'^' * max(1, min(width, 121 - self.column + start))}"
        )


@dataclass(frozen=True)
class Mistake:
    """One mistake: what is wrong and how to correct it, and its position."""

    message: str
    place: Place | None = None

    def __str__(self) -> str:
        message = cut(self.message, LONGEST_MESSAGE)
        return message if self.place is None else f"{self.place}: {message}{self.place.pointer()}"
