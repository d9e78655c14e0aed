"""A vectorizer's state as a bundle holds it: JSON values apart from arrays, which go into safetensors.

A state is a dict of JSON values and arrays. A vectorizer that holds others nests their states, in dicts and lists.
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
"""Key of the placeholder for a nested array, which names it. Arrays at the top have no placeholder."""


def split_state(state: Any) -> State:
    """The arrays of a state by name, C-contiguous, and its JSON values.

    Raises:
        TypeError, ValueError: something in it is neither a JSON value nor an array of numbers that a bundle can hold.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"it is a {type(state).__name__}")
    arrays: Arrays = {}

    def take(name: str, array: NDArray[Any]) -> None:
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(f"the array '{name}' has the type {array.dtype}, which no bundle holds")
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
    """The state that `split_state` took apart.

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
