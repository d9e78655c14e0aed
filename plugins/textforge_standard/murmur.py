"""MurmurHash3 of many byte strings at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

C1, C2 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)
LAST_BYTES = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF], dtype=np.uint32)


def murmur3(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """MurmurHash3_x86_32 (Appleby 2011), seed 0, of slices of bytes; three more bytes must follow the last.

    The same on every machine, and in scikit-learn's FeatureHasher.
    """
    fours: Any = np.ndarray((len(data) - 3,), dtype="<u4", buffer=data, strides=(1,))  # at every byte
    lengths = ends - starts
    hashes = np.zeros(len(starts), dtype=np.uint32)
    left, at = np.flatnonzero(lengths >= 4), 0
    while len(left):
        mixed = _rotated(hashes[left] ^ _mixed(fours[starts[left] + at]), 13)
        hashes[left] = mixed * np.uint32(5) + np.uint32(0xE6546B64)
        at += 4
        left = left[lengths[left] >= at + 4]
    hashes ^= _mixed(fours[starts + (lengths & -4)] & LAST_BYTES.take(lengths & 3))
    hashes ^= lengths.astype(np.uint32)
    hashes = (hashes ^ hashes >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ hashes >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    return (hashes ^ hashes >> np.uint32(16)).view(np.int32)


def _mixed(blocks: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return _rotated(blocks.astype(np.uint32) * C1, 15) * C2


def _rotated(values: NDArray[np.uint32], bits: int) -> NDArray[np.uint32]:
    return values << np.uint32(bits) | values >> np.uint32(32 - bits)
