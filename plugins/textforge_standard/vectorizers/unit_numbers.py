"""Number units of text by their bytes, many at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge_standard.vectorizers.interning import UNKNOWN, Interner

if TYPE_CHECKING:
    from textforge_standard.vectorizers.units import Positions, Units

PIECE = 7
"""Number of bytes of a unit that fit in one key."""
MOST = 9
"""Maximum number of pieces; longer units are looked up in a dict."""
MASKS = np.array([(2**64 - 1) ^ (2 ** (64 - 8 * length) - 1) for length in range(PIECE + 1)], dtype=np.uint64)
BYTE = np.uint64(255)
PAIR, LONG = 9, 10
"""Last bytes of keys of pairs and long units (the key of a piece ends in its length plus 1, at most 8)."""
FEW = 1 << 10
"""Look up at most this many units one by one in a dict, which is faster than calling numpy."""
LAST = (1 << 28) - 1
"""Mask of a 28-bit number. The key of a pair: the number of its prefix, that of its last piece, and PAIR."""


class UnitNumbers:
    """Exact numbers for units, found by their bytes.

    A unit of up to seven bytes is its own 64-bit key. A longer unit is read in pieces of seven bytes: each key combines
    the number of the prefix with the number of the next piece. So some numbers belong only to pieces.

    Small requests use a dict, which is built once enough units were looked up in such requests to pay for it. It takes
    about 100 bytes per unit and is never saved or pickled.
    """

    def __init__(self) -> None:
        self._keys = Interner()
        self._long: dict[bytes, int] = {}
        self._asked, self._by_text = 0, dict[bytes, int]()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_asked": 0, "_by_text": {}}

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, units: Units) -> NDArray[np.int32]:
        """The number of each unit; UNKNOWN if it has none."""
        if len(units.starts) <= FEW:
            if self._by_text:
                look_up, data = self._by_text.get, units.data
                slices = zip(units.starts.tolist(), units.ends.tolist(), strict=True)
                return np.array([look_up(data[start:end], UNKNOWN) for start, end in slices], dtype=np.int32)
            self._asked += len(units.starts)
            if self._asked > len(self):  # lookups so far cost about as much as a dict
                self._by_text = {text: number for number, text in enumerate(self.texts(np.arange(len(self))))}
        return self._numbers(units, self._keys.find, lambda unit: self._long.get(unit, UNKNOWN))

    def add(self, units: Units) -> NDArray[np.int32]:
        """The number of each unit; number new units."""
        self._asked, self._by_text = 0, {}
        return self._numbers(units, self._keys.add, self._add_long)

    def sorted(self, numbers: Positions) -> Positions:
        """Sort distinct unit numbers by the bytes of their units."""
        keys = self._keys.keys()
        first, second = keys[numbers], np.zeros(len(numbers), dtype=np.uint64)
        pieces = np.ones(len(numbers), dtype=np.int64)
        pairs = np.flatnonzero(first & BYTE == PAIR)
        while len(pairs):
            pair = first[pairs].view(np.int64)
            first[pairs], second[pairs] = keys[pair >> 36], keys[pair >> 8 & LAST]
            pieces[pairs] += 1
            pairs = pairs[first[pairs] & BYTE == PAIR]
        long = np.flatnonzero(first & BYTE == LONG)
        texts = self.texts(numbers[long])
        first[long], second[long], pieces[long] = [_key(t) for t in texts], [_key(t[PIECE:]) for t in texts], 3
        deep = np.flatnonzero(pieces > 2)  # few words have more than 14 bytes
        texts = self.texts(numbers[deep])
        third = np.zeros(len(numbers), dtype=np.int64)
        third[deep[sorted(range(len(texts)), key=texts.__getitem__)]] = np.arange(1, len(texts) + 1)
        order = np.argsort(third, kind="stable")
        for key in (second, first):
            order = order[np.argsort(key[order], kind="stable")]
        return numbers[order]

    def texts(self, numbers: Positions) -> list[bytes]:
        """The bytes of units."""
        keys = self._keys.keys()
        first, ends = keys[numbers], [b""] * len(numbers)
        pairs = np.flatnonzero(first & BYTE == PAIR)
        while len(pairs):
            pair = first[pairs].view(np.int64)
            for place, piece in zip(pairs.tolist(), _texts(keys[pair >> 8 & LAST]), strict=True):
                ends[place] = piece + ends[place]
            first[pairs] = keys[pair >> 36]
            pairs = pairs[first[pairs] & BYTE == PAIR]
        texts = [piece + end for piece, end in zip(_texts(first), ends, strict=True)]
        if self._long:
            long = dict(zip(self._long.values(), self._long, strict=True))
            for place in np.flatnonzero(first & BYTE == LONG).tolist():
                texts[place] = long[int(numbers[place])]
        return texts

    def _add_long(self, unit: bytes) -> int:
        if unit not in self._long:
            key = np.array([len(self._long) << 8 | LONG], dtype=np.uint64)
            self._long[unit] = int(self._keys.add(key)[0])
        return self._long[unit]

    def _numbers(self, units: Units, look_up: Any, look_up_long: Callable[[bytes], int]) -> NDArray[np.int32]:
        # eight bytes from every offset, as one big-endian number
        eights: Any = np.ndarray((len(units.data) - 7,), dtype=">u8", buffer=units.data, strides=(1,))
        lengths = units.ends - units.starts
        longer, at, more = np.flatnonzero(lengths > PIECE), PIECE, []
        longer, very_long = longer[lengths[longer] <= PIECE * MOST], longer[lengths[longer] > PIECE * MOST]
        keys = [_piece(eights, units.starts, lengths)]
        while len(longer):
            more.append(longer)
            keys.append(_piece(eights, units.starts[longer] + at, lengths[longer] - at))
            at += PIECE
            longer = longer[lengths[longer] > at]
        found: NDArray[np.int32] = look_up(np.concatenate(keys))
        numbers, done = found[: len(lengths)], len(lengths)
        for longer in more:
            first, last = numbers[longer], found[done : done + len(longer)]
            done += len(longer)
            known = ((first >= 0) & (last >= 0)).nonzero()[0]  # not UNKNOWN
            numbers[longer] = UNKNOWN
            if len(known):
                before, piece = first[known].astype(np.uint64), last[known].astype(np.uint64)
                numbers[longer[known]] = look_up(before << np.uint64(36) | piece << np.uint64(8) | np.uint64(PAIR))
        for place in very_long.tolist():
            numbers[place] = look_up_long(units.data[units.starts[place] : units.ends[place]])
        return numbers


def _piece(eights: Any, starts: Positions, lengths: Positions) -> NDArray[np.uint64]:
    """Keys of the pieces at `starts`: up to seven bytes, which sort like the text, and their number plus 1."""
    lengths = np.minimum(lengths, PIECE)
    keys: NDArray[np.uint64] = eights[starts].astype(np.uint64) & MASKS.take(lengths)
    keys |= (lengths + 1).view(np.uint64)
    return keys


def _key(unit: bytes) -> int:
    """The key of one piece: the first bytes of a unit."""
    piece = unit[:PIECE]
    return int.from_bytes(piece.ljust(PIECE, b"\0") + bytes([len(piece) + 1]), "big")


def _texts(keys: NDArray[np.uint64]) -> list[bytes]:
    """The bytes of pieces."""
    padded, lengths = (keys & ~BYTE).astype(">u8").view("S8"), (keys & BYTE).view(np.int64) - 1
    texts: list[bytes] = padded.tolist()
    for place in np.flatnonzero(np.char.str_len(padded) < lengths).tolist():  # numpy strips trailing zeros
        texts[place] = texts[place].ljust(int(lengths[place]), b"\0")
    return texts
