"""MurmurHash3 of many byte strings at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

C1, C2 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)
BLOCK = 1 << 15
"""Strings hashed per block, so that intermediate arrays stay in the processor cache."""
FEW = 4
"""If at most this many strings remain, hash them one at a time."""
MOST = 2**16 - 1
"""Strings longer than this many 4-byte words are hashed one at a time."""
LAST_BYTES = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF], dtype=np.uint32)


def murmur3(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """MurmurHash3_x86_32 (Appleby 2011), seed 0, of slices of bytes.

    At least four more bytes must follow the last slice. The hashes are the same on every machine, and in
    scikit-learn's FeatureHasher.
    """
    hashes = np.empty(len(starts), dtype=np.int32)
    for start in range(0, len(starts), BLOCK):
        block = slice(start, start + BLOCK)
        hashes[block] = _block(data, starts[block], ends[block] - starts[block])
    return hashes


def _block(data: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    fours: Any = np.ndarray(
        (len(data) - 3,), dtype="<u4", buffer=data, strides=(1,)
    )  # one 4-byte word starting at every byte
    blocks = np.minimum(lengths >> 2, MOST).astype(np.uint16)
    order = np.argsort(blocks, kind="stable")[::-1]  # longest first, so that unfinished strings stay in front
    going_on = (len(starts) - np.cumsum(np.bincount(blocks)))[:MOST].tolist()
    at, state, done = starts.take(order), np.zeros(len(starts), dtype=np.uint32), 0
    while done < len(going_on) and going_on[done] > FEW:
        of_left = state[: going_on[done]]
        of_left ^= _mixed(fours[at[: going_on[done]] + 4 * done])
        _rotate(of_left, 13)
        of_left *= np.uint32(5)
        of_left += np.uint32(0xE6546B64)
        done += 1
    for n, one in enumerate(order[: going_on[min(done, len(going_on) - 1)]].tolist()):
        rest = fours[starts[one] + 4 * done : starts[one] + (lengths[one] & -4) : 4]
        state[n] = _chained(int(state[n]), _mixed(rest.copy()).tolist())
    hashes = np.empty_like(state)
    hashes[order] = state
    hashes ^= _mixed(fours[starts + (lengths & -4)] & LAST_BYTES.take(lengths & 3))
    hashes ^= lengths.astype(np.uint32)
    hashes ^= hashes >> np.uint32(16)
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    hashes *= np.uint32(0xC2B2AE35)
    hashes ^= hashes >> np.uint32(16)
    return hashes.view(np.int32)


def _chained(value: int, mixed: list[int]) -> int:
    """Continue the hash of one string over its remaining 4-byte words."""
    for four in mixed:
        value ^= four
        value = (value << 13 | value >> 19) * 5 + 0xE6546B64 & 0xFFFFFFFF
    return value


def _mixed(four: NDArray[np.uint32]) -> NDArray[np.uint32]:
    four = four.astype(np.uint32, copy=False)
    four *= C1
    _rotate(four, 15)
    four *= C2
    return four


def _rotate(values: NDArray[np.uint32], bits: int) -> None:
    """Rotate to the left, in place."""
    right = values >> np.uint32(32 - bits)
    values <<= np.uint32(bits)
    values |= right
