"""Number 64-bit keys with a hash table whose steps all work on whole arrays."""

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
BLOCK = 1 << 16
"""Keys looked up per block, so that intermediate arrays stay in the processor cache."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplying by it spreads keys over the high bits (Knuth 1973, 6.4)."""


class Interner:
    """Numbers for distinct nonzero 64-bit keys: 0, 1, 2, … in order of arrival.

    Open addressing with linear probing; each step handles many keys. `find` changes nothing, so any number of threads
    may call it.
    """

    def __init__(self) -> None:
        self._size = 0
        self._allot(10)

    def __len__(self) -> int:
        return self._size

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The number of each key; UNKNOWN if it was never added."""
        return self._in_blocks(keys, adding=False)

    def add(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The number of each key; number new keys deterministically."""
        return self._in_blocks(keys, adding=True)

    def keys(self) -> NDArray[np.uint64]:
        """All keys, ordered by number."""
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
        """Write the numbers of the keys into `numbers`; with `adding`, insert missing keys."""
        slots, left = self._slots(keys), None  # left: indices of `numbers` still to find; None means all
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
            # another key holds the slot: the number just written is wrong, so try the next slot
            left = other if left is None else left[other]
            keys, slots = keys[other], (slots[other] + 1) & (len(self._keys) - 1)

    def _claim(self, keys: NDArray[np.uint64], slots: NDArray[np.int64]) -> None:
        """Insert keys into free slots; the last of several keys for one slot wins."""
        self._keys[slots] = keys
        won = slots[self._keys.take(slots) == keys]
        turn = np.arange(len(won), dtype=np.int32)
        self._numbers[won] = turn
        won = won[self._numbers.take(won) == turn]  # each slot once, even if its key occurs several times
        self._numbers[won] = np.arange(self._size, self._size + len(won), dtype=np.int32)
        self._size += len(won)

    def _slots(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        return ((keys * GOLDEN) >> self._shift).view(np.int64)

    def _allot(self, bits: int) -> None:
        self._shift = np.uint64(64 - bits)
        self._keys = np.zeros(1 << bits, dtype=np.uint64)
        self._numbers = np.zeros(1 << bits, dtype=np.int32)

    def _make_room(self, more: int) -> None:
        """Grow so that at most four in ten slots are in use after adding `more` keys; keeps probes short."""
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
            # the last write to a slot wins for the key and for its number alike
            keys, numbers, slots = keys[lost], numbers[lost], (slots[lost] + 1) & (len(self._keys) - 1)
