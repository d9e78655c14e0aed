"""Digests of a component's results, which two processes can compare."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch


def digests(made: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of each result, by name."""
    found = {}
    for name, value in made.items():
        sha = hashlib.sha256()
        _update(sha, value)
        found[name] = sha.hexdigest()
    return found


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names of the digests that differ or exist on one side only."""
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def _update(sha: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu()
        _update(sha, (plain.to_dense() if plain.layout != torch.strided else plain).contiguous().numpy())
    elif isinstance(value, np.ndarray) and value.dtype != object:
        sha.update(f"array {value.dtype} {value.shape}".encode())
        sha.update(np.ascontiguousarray(value).tobytes())
    elif hasattr(value, "tocsr"):
        matrix = value.tocsr()
        _update(sha, (matrix.indptr, matrix.indices, matrix.data, matrix.shape))
    elif isinstance(value, Mapping):
        sha.update(f"mapping {len(value)}".encode())
        for key in value:  # unsorted: two processes should agree on the order, too
            _update(sha, key)
            _update(sha, value[key])
    elif isinstance(value, (list, tuple)):
        sha.update(f"list {len(value)}".encode())
        for item in value:
            _update(sha, item)
    elif is_dataclass(value) and not isinstance(value, type):
        _update(sha, {field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, (str, bytes, int, float, bool, np.generic, type(None))):
        sha.update(f"{type(value).__name__} {value!r}".encode("utf-8", "backslashreplace"))
    else:  # values of other types cannot be compared
        sha.update(type(value).__name__.encode())
