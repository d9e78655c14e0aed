"""Convert vocabularies to arrays, for a bundle."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(vocabulary: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Words as two arrays: their concatenated UTF-8 (uint8), and the length of each in bytes (int32)."""
    encoded = [word.encode() for word in vocabulary]
    return {
        "words": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "lengths": np.fromiter(map(len, encoded), dtype=np.int32, count=len(encoded)),
    }


def unpack(state: dict[str, Any]) -> list[str]:
    """The words that `pack` packed.

    Raises:
        ValueError: the two arrays do not match.
    """
    data, lengths = state["words"], state["lengths"]
    whole = data.dtype == np.uint8 and data.ndim == lengths.ndim == 1 and lengths.dtype.kind in "iu"
    if not whole or lengths.min(initial=0) < 0 or lengths.sum(dtype=np.int64) != len(data):
        raise ValueError("the lengths of the words do not fit their text")
    text = data.tobytes()
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    return [text[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
