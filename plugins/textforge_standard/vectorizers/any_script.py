"""Split texts of any script into words, single characters and symbols, by the class of each code point."""

import unicodedata
from typing import Any

import numpy as np
from numpy.typing import NDArray

ZERO_WIDTH_JOINER = 0x200D
START, END = "\u2402", "\u2403"
"""Words that stand for the start and the end of a text: ␂ and ␃, Unicode's pictures of these controls."""

UNKNOWN, SPACE, SIGN, LETTER, ALONE, SYMBOL, FLAG, MARK = range(8)
"""Classes of code points.

SPACE separates words. SIGN is punctuation. LETTER joins its neighbours to a word. ALONE is a character of a script
written without spaces. SYMBOL is an emoji or another pictograph. FLAG is half of a flag. MARK belongs to the character
before it, as a combining mark or a skin tone does.
"""

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x2FDF),  # radicals of Han
    (0x3005, 0x3007),
    (0x3021, 0x30FF),  # Hiragana, Katakana
    (0x3100, 0x312F),  # Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF),  # Yi
    (0xA980, 0xA9FF),  # Javanese, Burmese
    (0xAA60, 0xAADF),  # Burmese, Tai Viet
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x16FE0, 0x18DFF),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # Kana, Nushu
    (0x20000, 0x3FFFF),
)
"""Blocks of scripts that separate no words, from Line_Break ID, SA, AK and AS of Unicode Annex 14."""

_table: NDArray[np.uint8] = np.zeros(0x110000, dtype=np.uint8)
"""The class of each code point that was met so far; UNKNOWN for the others."""


def classes(points: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The class of each code point."""
    found = _table.take(points)
    if not found.all():
        for point in np.unique(points[found == UNKNOWN]).tolist():
            _table[point] = _class(point)
        found = _table.take(points)
    return found


def _class(point: int) -> int:
    """The class of a code point, by its general category and its block."""
    category = unicodedata.category(chr(point))
    if 0x1F3FB <= point <= 0x1F3FF or 0xE0020 <= point <= 0xE007F or category[0] == "M":  # skin tones, tags of flags
        return MARK
    if 0x1F1E6 <= point <= 0x1F1FF:
        return FLAG
    if (category[0] == "N" and category != "Nl") or category == "Pc":
        return LETTER
    if category[0] in "LN":
        return ALONE if any(first <= point <= last for first, last in _WITHOUT_SPACES) else LETTER
    if category == "So" or (point >= 0x1F000 and category != "Zs") or (category == "Sm" and 0x2190 <= point <= 0x2BFF):
        return SYMBOL  # code points of emoji that this version of Python does not know yet included
    return SIGN if category[0] in "PS" or category == "Co" else SPACE


def spans(points: NDArray[np.uint32], punctuation: bool) -> tuple[Any, Any, Any]:
    """The first and last position of each unit, and whether it and the next form a pair without a space.

    Args:
        points: code points, uint32; the last one is a space.
        punctuation: whether a SIGN is a unit.

    Returns:
        int64 starts and ends, bool pairs, one entry per unit.
    """
    found = classes(points)
    if (found >= SYMBOL).any():
        _extend_symbols(found, points)
    marks = found == MARK
    if marks.any():  # a mark has the class of the character that it belongs to
        before = np.maximum.accumulate(np.where(marks, 0, np.arange(len(found))))
        found = np.where(marks & (found[before] <= SPACE), LETTER, found[before])
    if not punctuation:
        found[found == SIGN] = SPACE
    inside = found != SPACE
    letters = found == LETTER
    first = inside & ~marks
    first[1:] &= ~(letters[1:] & letters[:-1])
    if marks.any():  # a mark without a character before it starts a word
        first[1:] |= marks[1:] & inside[1:] & ~inside[:-1]
        first[0] = inside[0]
    last = inside.copy()
    last[:-1] &= first[1:] | ~inside[1:]
    starts, ends = np.flatnonzero(first), np.flatnonzero(last) + 1
    alone = found[starts] == ALONE
    pairs = np.zeros(len(starts), dtype=bool)
    pairs[:-1] = alone[:-1] & alone[1:] & (ends[:-1] == starts[1:])
    return starts, ends, pairs


def _extend_symbols(found: NDArray[np.uint8], points: NDArray[np.uint32]) -> None:
    """Make MARKs of the second half of each flag, and of joiners between symbols with the symbol that follows."""
    flags = found == FLAG
    if flags.any():
        places = np.arange(len(found))
        run_start = np.maximum.accumulate(np.where(flags, 0, places + 1))  # first position of the run of flags
        second = flags & ((places - run_start) % 2 == 1)
        found[flags] = SYMBOL
        found[second] = MARK
    joiners = np.flatnonzero(points[1:-1] == ZERO_WIDTH_JOINER) + 1
    if len(joiners):
        before = np.maximum.accumulate(np.where(found == MARK, 0, np.arange(len(found))))[joiners - 1]
        joined = joiners[(found[before] == SYMBOL) & (found[joiners + 1] == SYMBOL)]
        found[joined] = found[joined + 1] = MARK
