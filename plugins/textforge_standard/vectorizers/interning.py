"""Numbers for keys: a hash table whose every step is one on whole arrays."""

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
BLOCK = 1 << 16
"""Keys that are looked up at once: what is in between stays in the processor's cache."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplying by it spreads keys over the high bits (Knuth 1973, 6.4)."""


class Interner:
    """Different 64-bit keys, none of them 0, numbered 0, 1, 2, … as they come.

    Open addressing with linear probing, one step of it for many keys at once. `find` changes nothing,
    so any number of threads may call it.
    """

    def __init__(self) -> None:
        self._size = 0
        self._allot(10)

    def __len__(self) -> int:
        return self._size

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The number of each key; UNKNOWN for those that were never added."""
        return self._in_blocks(keys, adding=False)

    def add(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The number of each key; new ones get the next numbers, the same ones for the same calls."""
        return self._in_blocks(keys, adding=True)

    def keys(self) -> NDArray[np.uint64]:
        """All keys in the order of their numbers."""
        used = np.flatnonzero(self._keys)
        keys = np.empty(self._size, dtype=np.uint64)
        keys[self._numbers[used]] = self._keys[used]
        return keys

    def _in_blocks(self, keys: NDArray[np.uint64], *, adding: bool) -> NDArray[np.int32]:
        numbers = np.empty(len(keys), dtype=np.int32)
        for start in range(0, len(keys), BLOCK):
            block = keys[start : start + BLOCK]
            if adding:
                self._make_room(len(block))
            self._probe(block, numbers[start : start + BLOCK], adding)
        return numbers

    def _probe(self, keys: NDArray[np.uint64], numbers: NDArray[np.int32], adding: bool) -> None:
        """Fill in the numbers of the keys; with `adding` each ends in a slot of its own."""
        slots, left = self._slots(keys), None  # left: which of `numbers` are still unknown; None is all
        while len(keys):
            stored = self._keys.take(slots)
            other = (stored != keys).nonzero()[0]
            empty = other[stored[other] == 0]
            if adding and len(empty):
                self._claim(keys[empty], slots[empty])
                other = other[self._keys.take(slots[other]) != keys[other]]
            numbers[left if left is not None else slice(None)] = self._numbers.take(slots)
            if not adding:
                numbers[empty if left is None else left[empty]] = UNKNOWN
                other = other[stored[other] != 0]
            # the slot is another key's: what was filled in is wrong, and the next slot is tried
            left = other if left is None else left[other]
            keys, slots = keys[other], (slots[other] + 1) & (len(self._keys) - 1)

    def _claim(self, keys: NDArray[np.uint64], slots: NDArray[np.int64]) -> None:
        """Put keys into free slots; where several want the same one, the last of them gets it."""
        self._keys[slots] = keys
        won = slots[self._keys.take(slots) == keys]
        turn = np.arange(len(won), dtype=np.int32)
        self._numbers[won] = turn
        won = won[self._numbers.take(won) == turn]  # each slot once, though its key may stand there many times
        self._numbers[won] = np.arange(self._size, self._size + len(won), dtype=np.int32)
        self._size += len(won)

    def _slots(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        return ((keys * GOLDEN) >> self._shift).view(np.int64)

    def _allot(self, bits: int) -> None:
        self._shift = np.uint64(64 - bits)
        self._keys = np.zeros(1 << bits, dtype=np.uint64)
        self._numbers = np.zeros(1 << bits, dtype=np.int32)

    def _make_room(self, more: int) -> None:
        """Grow so that at most four slots in ten are taken, whatever comes: searches end soon."""
        wanted = (self._size + more) * 10 // 4
        if wanted < len(self._keys):
            return
        keys, numbers = self.keys(), np.arange(self._size, dtype=np.int32)
        self._allot(wanted.bit_length())
        slots = self._slots(keys)
        while len(keys):
            free = np.flatnonzero(self._keys.take(slots) == 0)
            self._keys[slots[free]] = keys[free]
            self._numbers[slots[free]] = numbers[free]
            lost = np.flatnonzero(self._keys.take(slots) != keys)
            # of the keys that won, the number is the last that was put there: its own
            keys, numbers, slots = keys[lost], numbers[lost], (slots[lost] + 1) & (len(self._keys) - 1)
