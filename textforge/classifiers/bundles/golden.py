"""The texts whose predictions a bundle holds, to be repeated when it is loaded."""

from __future__ import annotations

from textforge.components.rows import ColumnKind, ColumnKinds, Row, Value

GOLDEN_TEXTS = (
    "",
    "The launch was moved to Monday because of the weather, said the team in Houston.",
    "Does anybody know a good library to read and write image files in C? Thanks in advance!",
    "He threw seven innings and the home team won the game 5 to 2.",
    "Our guests liked the room, but the service was slow and the food was cold.",
)
"""Texts of the golden predictions. They are fixed, so that a bundle never contains a user's texts."""
GOLDEN_NUMBERS = (0.0, 1.0, None, -2.5, 1000.0)
GOLDEN_CATEGORIES = ("a", None, "b", "a", "c")
"""Values of the columns of the golden texts. Columns of texts have other golden texts."""


def golden_texts(columns: ColumnKinds) -> list[str]:
    """The golden texts, with values of these columns."""
    if not columns:
        return [*GOLDEN_TEXTS]
    values: dict[ColumnKind, tuple[Value, ...]] = {
        "number": GOLDEN_NUMBERS,
        "category": GOLDEN_CATEGORIES,
        "text": GOLDEN_TEXTS[::-1],
    }
    every = zip(*(values[kind] for kind in columns.values()), strict=True)
    return [Row(text, own, columns) for text, own in zip(GOLDEN_TEXTS, every, strict=True)]
