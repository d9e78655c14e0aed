"""Reasons for answers, from whoever can explain a classifier: marked words of texts, and the words of a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Piece = tuple[str, float]
"""A piece of a text, and how much it speaks for the answer, from -1 (against it) to 1; 0 for text in between."""


class Reasons(Protocol):
    """What a report asks of an explanation of a run."""

    def marked(self, texts: Sequence[str], answers: Sequence[Any]) -> Sequence[Sequence[Piece]]:
        """Cut each text into pieces, in order and complete, by what they gave to the answer.

        Args:
            texts: the texts.
            answers: the label of each answer, or for several labels per text a list of labels.
        """
        ...

    def class_words(self, limit: int) -> Mapping[str, Sequence[Piece]]:
        """Return at most `limit` words that stand for each class by the name of its label, the strongest first."""
        ...


def cut_pieces(pieces: Sequence[Piece], length: int) -> Iterator[Piece]:
    """Yield the pieces of the first `length` characters of a text."""
    for text, weight in pieces:
        if length <= 0:
            return
        yield text[:length], float(weight)
        length -= len(text)


def class_words(reasons: Reasons | None, limit: int = 20) -> list[dict[str, Any]]:
    """Return the words that stand for each class; empty without reasons."""
    if reasons is None:
        return []
    found = reasons.class_words(limit)
    return [{"label": label, "words": [[word, float(weight)] for word, weight in words]}
            for label, words in found.items()]  # fmt: skip
