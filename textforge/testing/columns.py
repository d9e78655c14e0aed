"""The kit's own columns, for vectorizers that read some."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from textforge.components.columns import kinds_named
from textforge.components.part import Part
from textforge.components.rows import ColumnKind, Row, Value

OWN: dict[str, ColumnKind] = {"price": "number", "country": "category", "title": "text"}
"""Columns for vectorizers that name none."""


def with_columns(part: Part, texts: Iterable[str]) -> list[str]:
    """The texts, as rows if the vectorizer reads columns; equal texts get equal values, some of them missing."""
    named = kinds_named(part)
    if named is None:
        return [*texts]
    kinds = {**OWN, **named}
    return [Row(text, [_value(text, name, kind) for name, kind in kinds.items()], kinds) for text in texts]


def _value(text: str, name: str, kind: ColumnKind) -> Value:
    drawn = zlib.crc32(f"{name}:{text}".encode("utf-8", "replace"))
    if drawn % 5 == 0:
        return None
    if kind == "number":
        return (drawn % 1001) / 7 - 50
    return text if kind == "text" else f"{name} {drawn % 4}"
