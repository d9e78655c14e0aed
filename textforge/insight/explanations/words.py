"""Cut a text into words to explain: pieces that together are the whole text but for white space."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pieces = NDArray[np.int64]
"""First character of each piece and the one after its last, shape (n, 2), ascending, without overlap."""

_ASCII = re.compile(r"\w+|[^\w\s]")
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u3100-\u312f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Characters of scripts that separate no words."""
_JOINING = frozenset("\u200c\u200d\ufe0e\ufe0f")


def words(text: str) -> Pieces:
    """Cut a text into runs of letters and digits, and single other characters, each with its combining marks.

    A character of a script without spaces is a piece by itself; emoji that a joiner joins are one piece.
    """
    if text.isascii():
        return _as_pieces([match.span() for match in _ASCII.finditer(text)])
    found: list[list[int]] = []
    before = ""  # class of the last piece: letters, or none that can go on
    for at, character in enumerate(text):
        if character.isspace():
            before = ""
            continue
        joins = (
            unicodedata.category(character)[0] == "M"
            or character in _JOINING
            or "\U0001f3fb" <= character <= "\U0001f3ff"
        )
        follows = bool(found) and found[-1][1] == at
        letter = (character.isalnum() or character == "_") and not _WITHOUT_SPACES.match(character)
        if follows and (joins or text[at - 1] == "\u200d" or (letter and before == "letters")):
            found[-1][1] = at + 1
        else:
            found.append([at, at + 1])
            before = "letters" if letter else "other"
    return _as_pieces(found)


def distinct_words(text: str, starts: Any, ends: Any) -> Pieces:
    """Cut a text into words, and join neighbours between which no feature starts or ends.

    Words that a vectorizer cannot tell apart, such as the parts of an address that it splits at spaces, stay together.

    Args:
        text: the text.
        starts: int, shape (n,): the first character of each occurrence of a feature.
        ends: int, shape (n,): the character after its last.
    """
    pieces = words(text)
    if len(pieces) < 2 or not len(starts):
        return pieces
    edge = np.zeros(len(text) + 1, dtype=bool)
    edge[starts] = edge[ends] = True
    touches = pieces[1:, 0] == pieces[:-1, 1]
    begins = np.append(True, ~touches | edge[pieces[1:, 0]])
    first = np.flatnonzero(begins)
    return np.stack([pieces[first, 0], pieces[np.append(first[1:], len(pieces)) - 1, 1]], axis=1)


def _as_pieces(found: Any) -> Pieces:
    return np.array(found, dtype=np.int64).reshape(-1, 2)
