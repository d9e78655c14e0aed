"""Map positions in a changed text, such as a lower-cased one, back to the text it was made from."""

import re
import unicodedata
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_PIECES = re.compile(r"\s*\S+|\s+")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_CHARACTERS = re.compile(r".", re.DOTALL)
_JOINING = frozenset("\u200c\u200d\ufe0e\ufe0f")


class Alignment(NamedTuple):
    """The slice of the original text that each character of the changed text stands for."""

    starts: Positions
    """Shape (length of the changed text,), non-decreasing."""
    ends: Positions
    """Shape (length of the changed text,), non-decreasing."""
    length: int
    """Length of the original text."""

    def spans(self, starts: Positions, ends: Positions) -> tuple[Positions, Positions]:
        """Map spans of the changed text to spans of the original text; an empty span stays empty."""
        at = np.append(self.starts, self.length)
        first = at[starts]
        if not len(self.ends):
            return first, first
        last = np.where(ends > starts, self.ends[np.maximum(ends, 1) - 1], first)
        return first, np.maximum(first, last)


def aligned(text: str, change: Callable[[str], str]) -> tuple[str, Alignment]:
    """Change a text and align the result with the original.

    Changes that act on each word alone, such as normalization and folding of case, are followed character by character,
    combining marks with their letters. Other changes are aligned by the words that both texts share; characters without
    a counterpart stand for everything between the neighbours that have one.
    """
    changed = change(text)
    if _same_places(text, changed):
        at = np.arange(len(text))
        return changed, Alignment(at, at + 1, len(text))
    pieces = [(match.start(), match.group()) for match in _PIECES.finditer(text)]
    apart = [change(piece) for _, piece in pieces]
    if "".join(apart) != changed:
        return changed, _joined([_blocks(text, changed, _WORDS, 0)], len(text))
    found = [_piece(piece, one, start, change) for (start, piece), one in zip(pieces, apart, strict=True)]
    return changed, _joined(found, len(text))


def _same_places(text: str, changed: str) -> bool:
    """Whether each character stands where it stood: lower case and folding never make a text shorter."""
    return len(text) == len(changed) and changed in (text, text.lower(), text.casefold())


def _piece(piece: str, changed: str, start: int, change: Callable[[str], str]) -> tuple[Any, Any]:
    """Align one word, with the white space before it."""
    if _same_places(piece, changed):
        at = np.arange(start, start + len(piece))
        return at, at + 1
    clusters = _clusters(piece)
    apart = [change(cluster) for cluster in clusters]
    if "".join(apart) != changed:
        return _blocks(piece, changed, _CHARACTERS, start)
    ends = start + np.cumsum([len(cluster) for cluster in clusters])
    starts = ends - [len(cluster) for cluster in clusters]
    lengths = [len(one) for one in apart]
    return np.repeat(starts, lengths), np.repeat(ends, lengths)


def _clusters(piece: str) -> list[str]:
    """Characters with the combining marks and joiners that follow them."""
    clusters: list[str] = []
    for character in piece:
        if clusters and (character in _JOINING or unicodedata.category(character).startswith("M")):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _blocks(text: str, changed: str, pattern: re.Pattern[str], start: int) -> tuple[Any, Any]:
    """Align by the longest runs of equal words or characters (Ratcliff & Metzener 1988)."""
    words, others = ([match.group() for match in pattern.finditer(one)] for one in (text, changed))
    at, other_at = (np.cumsum([0, *map(len, one)]) for one in (words, others))
    starts, ends = np.empty(len(changed), np.int64), np.empty(len(changed), np.int64)
    for kind, first, last, other_first, other_last in SequenceMatcher(None, words, others).get_opcodes():
        block = slice(other_at[other_first], other_at[other_last])
        if kind == "equal":
            starts[block] = np.arange(at[first], at[last])
            ends[block] = starts[block] + 1
        else:
            starts[block], ends[block] = at[first], at[last]
    return starts + start, ends + start


def _joined(found: list[tuple[Any, Any]], length: int) -> Alignment:
    none = [np.zeros(0, np.int64)]
    starts, ends = (np.concatenate(none + [one[n] for one in found]) for n in (0, 1))
    return Alignment(starts, ends, length)
