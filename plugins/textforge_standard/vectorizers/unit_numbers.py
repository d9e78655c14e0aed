"""Numbers for units of text, found by their bytes, many at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge_standard.vectorizers.interning import UNKNOWN, Interner

if TYPE_CHECKING:
    from textforge_standard.vectorizers.units import Positions, Units

PIECE = 7
"""Bytes of a unit that fit in one key."""
MOST = 9
"""Pieces of a unit; a longer one is looked up in a dict."""
MASKS = np.array([(2**64 - 1) ^ (2 ** (64 - 8 * length) - 1) for length in range(PIECE + 1)], dtype=np.uint64)
BYTE = np.uint64(255)
PAIR, LONG = 9, 10
"""Last bytes of keys that are no piece's (a piece's key ends in its length plus one, at most 8)."""
FEW = 1 << 10
"""So few units are looked up one by one in a dict: that is quicker than the calls of numpy for all of them at once."""
LAST = (1 << 28) - 1
"""A pair's key: 28 bits of the number of what stands before, 28 bits of that of the last piece, and PAIR."""


class UnitNumbers:
    """Units numbered by their bytes, exactly.

    A unit of up to seven bytes is its own 64-bit key; of a longer one, seven bytes after seven, the key is
    made of the number of what stands before and the number of the next piece. So there are numbers that are
    only a piece's.

    For texts that come one at a time there is a dict as well, made once so many units were asked for by few that
    it pays: some 100 bytes a unit, in no file and no pickle.
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
        """The number of each unit; UNKNOWN where it has none."""
        if len(units.starts) <= FEW:
            if self._by_text:
                look_up, data = self._by_text.get, units.data
                slices = zip(units.starts.tolist(), units.ends.tolist(), strict=True)
                return np.array([look_up(data[start:end], UNKNOWN) for start, end in slices], dtype=np.int32)
            self._asked += len(units.starts)
            if self._asked > len(self):  # what was spent until now without a dict is about what a dict costs
                self._by_text = {text: number for number, text in enumerate(self.texts(np.arange(len(self))))}
        return self._numbers(units, self._keys.find, lambda unit: self._long.get(unit, UNKNOWN))

    def add(self, units: Units) -> NDArray[np.int32]:
        """The number of each unit; new ones get new numbers."""
        self._asked, self._by_text = 0, {}
        return self._numbers(units, self._keys.add, self._add_long)

    def sorted(self, numbers: Positions) -> Positions:
        """Different numbers in the order of their units' bytes."""
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
        # every eight bytes that stand side by side, as one big-endian number
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
    """Keys of what begins at `starts`: at most seven bytes, in the order of text, and how many they are."""
    lengths = np.minimum(lengths, PIECE)
    keys: NDArray[np.uint64] = eights[starts].astype(np.uint64) & MASKS.take(lengths)
    return keys | (lengths + 1).view(np.uint64)


def _key(unit: bytes) -> int:
    """The key of one piece: the first bytes of a unit."""
    piece = unit[:PIECE]
    return int.from_bytes(piece.ljust(PIECE, b"\0") + bytes([len(piece) + 1]), "big")


def _texts(keys: NDArray[np.uint64]) -> list[bytes]:
    """The bytes of pieces."""
    padded, lengths = (keys & ~BYTE).astype(">u8").view("S8"), (keys & BYTE).view(np.int64) - 1
    texts: list[bytes] = padded.tolist()
    for place in np.flatnonzero(np.char.str_len(padded) < lengths).tolist():  # numpy took zeros at an end for padding
        texts[place] = texts[place].ljust(int(lengths[place]), b"\0")
    return texts
