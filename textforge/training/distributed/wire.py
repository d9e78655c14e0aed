"""Nested values and arrays as bytes, to send them to another process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.bundles.state import join_state, split_state

_LENGTH = np.dtype(np.int64)


def packed(state: Mapping[str, Any]) -> NDArray[np.uint8]:
    """A dict of JSON values and numeric arrays, which may be nested, as one array of bytes."""
    arrays, values = split_state(state)
    kinds = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    head = np.frombuffer(json.dumps([values, kinds]).encode(), dtype=np.uint8)
    length = np.array([len(head)], dtype=_LENGTH).view(np.uint8)
    return np.concatenate([length, head, *(array.reshape(-1).view(np.uint8) for array in arrays.values())])


def unpacked(data: NDArray[np.uint8]) -> dict[str, Any]:
    """The dict that `packed` packed; arrays are copies."""
    start = _LENGTH.itemsize
    end = start + int(data[:start].copy().view(_LENGTH)[0])
    values, kinds = json.loads(data[start:end].tobytes())
    arrays = {}
    for name, kind, shape in kinds:
        start, end = end, end + int(np.prod(shape)) * np.dtype(kind).itemsize
        arrays[name] = data[start:end].copy().view(kind).reshape(shape)
    return join_state(values, arrays)
