"""Split a vectorizer's state into JSON values for `bundle.json` and arrays for safetensors, and join them again.

A state is a dict of JSON values and arrays. A vectorizer with inner vectorizers nests their states in dicts and lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
State = tuple[Arrays, dict[str, Any]]
"""Arrays by name, and JSON values."""

ARRAY = "$array"
"""Key of the placeholder that names a nested array. Top-level arrays have no placeholder."""


def split_state(state: Any) -> State:
    """Split a state into its arrays by name, C-contiguous, and its JSON values.

    Raises:
        TypeError, ValueError: a value is neither a JSON value nor a numeric array that a bundle can store.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"it is a {type(state).__name__}")
    arrays: Arrays = {}

    def take(name: str, array: NDArray[Any]) -> None:
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(f"the array '{name}' has the type {array.dtype}, which a bundle cannot store")
        name.encode()  # raises for half of a surrogate pair, which no file can hold
        if name in arrays:
            raise ValueError(f"two arrays would have the name '{name}'")
        arrays[name] = np.asarray(array, order="C")

    def walk(value: Any, name: str) -> Any:
        if isinstance(value, np.ndarray):
            take(name, value)
            return {ARRAY: name}
        if isinstance(value, Mapping):
            if other := [key for key in value if not isinstance(key, str)]:
                raise TypeError(f"the key {other[0]!r} is not text")
            return {key: walk(item, f"{name}/{key}") for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(item, f"{name}/{number}") for number, item in enumerate(value)]
        return value

    values: dict[str, Any] = {}
    for key, value in state.items():
        if not isinstance(key, str):
            raise TypeError(f"the key {key!r} is not text")
        if isinstance(value, np.ndarray):
            take(key, value)
        else:
            values[key] = walk(value, key)
    json.dumps(values, allow_nan=False, sort_keys=True, ensure_ascii=False).encode()
    return arrays, values


def join_state(values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Restore the state that `split_state` split.

    Raises:
        KeyError: a placeholder names an array that is missing.
    """
    nested: set[str] = set()

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {ARRAY}:
                nested.add(value[ARRAY])
                return arrays[value[ARRAY]]
            return {key: walk(item) for key, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    state = {key: walk(value) for key, value in values.items()}
    return {**state, **{name: array for name, array in arrays.items() if name not in nested}}
