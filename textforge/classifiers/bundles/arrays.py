"""Read the arrays or tensors of a safetensors file into memory of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMPY_TYPES = {"BOOL", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "F16", "F32", "F64"}
"""The types of safetensors that numpy has, too."""
READ_BYTES = 2**24
"""Bytes of the stored weights that are mapped into memory at once."""


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a safetensors file, without torch."""
    return read_copies(path, "numpy", np.empty_like)


def numpy_reads(path: Path) -> bool:
    """Whether numpy has the types of all arrays in a safetensors file; it lacks bfloat16 and those of 8 bits."""
    from safetensors import safe_open

    with safe_open(str(path), "numpy") as file:
        types = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118  (no dict)
    return types <= NUMPY_TYPES


def read_copies(path: Path, framework: str, empty_like: Callable[[Any], Any]) -> dict[str, Any]:
    """Read a safetensors file as arrays of numpy, or as tensors of torch.

    safetensors maps the file, so a classifier would fail if the file was changed under it, and a copy of the whole
    map would take twice the memory. Rows are copied a few at a time, from a map that is closed after each.

    Args:
        path: the file.
        framework: 'numpy' or 'pt'.
        empty_like: makes an array or tensor of the same shape and type.
    """
    from safetensors import safe_open

    with safe_open(str(path), framework) as file:
        found = {name: empty_like(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118  (no dict)
    for name, array in found.items():
        for rows in _parts_to_read(array):
            with safe_open(str(path), framework) as file:
                array[rows] = file.get_slice(name)[rows] if array.ndim else file.get_tensor(name)
    return found


def _parts_to_read(array: Any) -> list[Any]:
    """Slices of the rows of an array, of about READ_BYTES each; a scalar has no rows."""
    if not array.ndim:
        return [...]
    step = max(1, READ_BYTES * len(array) // max(1, array.nbytes))
    return [slice(start, min(start + step, len(array))) for start in range(0, len(array), step)]
