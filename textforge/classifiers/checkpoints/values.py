"""Nested states as JSON values and tensors, and back: the same values of the same types.

JSON has no tuples, no keys but text, and no infinite numbers, so everything but text, whole numbers, finite numbers,
true, false, null and lists becomes an object with one key that names its type:

    {"tensor": "optimizer/state/0/exp_avg"}   a tensor, by its name in the safetensors file
    {"tensor": NAME, "order": [1, 0]}         one in another memory order; stored with its dimensions in this order
    {"sparse": {…}}                           a sparse COO tensor: indices, values, shape, coalesced
    {"dict": [[KEY, VALUE], …]}               a dict; "ordered" for an OrderedDict, with torch's `_metadata`
    {"tuple": […]}, {"float": "inf"}, {"float64": 0.1}   a tuple, inf, -inf or nan, a numpy.float64
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from textforge.errors import ComponentError, cut

DTYPES = frozenset(
    (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
     torch.uint8, torch.bool)
)  # fmt: skip
"""Types of tensors that are stored; safetensors knows them in every version."""


def split_values(value: Any, where: str = "") -> tuple[Any, dict[str, torch.Tensor]]:
    """Split a nested state into a JSON value and the tensors that it refers to.

    Args:
        value: tensors, numbers, texts, None, and lists, tuples and dicts of these.
        where: the name of the state, which begins the names of tensors and the places in messages.

    Returns:
        The JSON value, and contiguous tensors on the CPU by name. They may share memory with those of `value`.

    Raises:
        ComponentError: a value of another type, which could not be restored exactly; the message names its place.
    """
    tensors: dict[str, torch.Tensor] = {}
    return _encoded(value, where, tensors), tensors


def join_values(encoded: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Restore the nested state that `split_values` split.

    Raises:
        ValueError: the JSON value is not of the known forms, or names a tensor that is missing.
    """
    if encoded is None or isinstance(encoded, (bool, int, float, str)):
        return encoded
    if isinstance(encoded, list):
        return [join_values(item, tensors) for item in encoded]
    match encoded:
        case {"tensor": str(name), "order": list(order)} if name in tensors:  # before the next, which it would match
            return tensors[name].permute([order.index(n) for n in range(len(order))])
        case {"tensor": str(name)} if name in tensors:
            return tensors[name]
        case {"sparse": parts}:
            return _sparse(join_values(parts, tensors))
        case {"dict": list(items)}:
            return {_key(key): join_values(item, tensors) for key, item in items}
        case {"ordered": list(items), **rest}:
            found = OrderedDict((_key(key), join_values(item, tensors)) for key, item in items)
            if "metadata" in rest:
                found._metadata = join_values(rest["metadata"], tensors)  # type: ignore[attr-defined]
            return found
        case {"tuple": list(items)}:
            return tuple(join_values(item, tensors) for item in items)
        case {"float": "inf" | "-inf" | "nan" as text}:
            return float(text)
        case {"float64": number}:
            return np.float64(join_values(number, tensors))
    raise ValueError(f"{cut(repr(encoded))} is not a value of a state, or a tensor is missing")


def first_difference(one: Any, other: Any, where: str = "") -> str | None:
    """The place of the first difference between two nested states; None if they are equal bit for bit.

    Types, texts, numbers and tensors must be the same; NaN equals NaN.
    """
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return None if _same_tensor(one, other) else where
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if type(one) is not type(other) or [*one] != [*other]:
            return where
        pairs = [(one[key], other[key], f"{where}/{key}" if where else str(key)) for key in one]
    elif isinstance(one, (list, tuple)) and type(one) is type(other) and len(one) == len(other):
        pairs = [(mine, theirs, f"{where}/{n}") for n, (mine, theirs) in enumerate(zip(one, other, strict=True))]
    else:
        same = type(one) is type(other) and (one == other or (one != one and other != other))
        return None if same else where
    return next((found for pair in pairs if (found := first_difference(*pair)) is not None), None)


def _same_tensor(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.layout != other.layout or one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.layout == torch.sparse_coo:
        return torch.equal(one._indices(), other._indices()) and _same_tensor(one._values(), other._values())
    return _bytes(one) == _bytes(other)


def _bytes(tensor: torch.Tensor) -> bytes:
    """The bytes of a tensor, in which NaN equals NaN, and 0.0 differs from -0.0."""
    return bytes(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)


def _encoded(value: Any, where: str, tensors: dict[str, torch.Tensor]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is np.float64:
        return {"float64": _encoded(float(value), where, tensors)}
    if isinstance(value, torch.Tensor):
        return _tensor(value.detach(), where, tensors)
    if kind is list:
        return [_encoded(item, f"{where}/{n}", tensors) for n, item in enumerate(value)]
    if kind is tuple:
        return {"tuple": [_encoded(item, f"{where}/{n}", tensors) for n, item in enumerate(value)]}
    if kind in (dict, OrderedDict):
        items = [[_refuse_key(key, where), _encoded(item, f"{where}/{key}".lstrip("/"), tensors)]
                 for key, item in value.items()]  # fmt: skip
        if kind is dict:
            return {"dict": items}
        metadata = getattr(value, "_metadata", None)
        return {"ordered": items} if metadata is None else {
            "ordered": items, "metadata": _encoded(metadata, f"{where}/_metadata", tensors)
        }  # fmt: skip
    raise ComponentError(
        f"{where or 'the state'} is a {kind.__module__}.{kind.__qualname__}, which a checkpoint cannot hold: only "
        "tensors, numbers, texts, None, and lists, tuples and dicts of these."
    )


def _refuse_key(key: Any, where: str) -> Any:
    if type(key) not in (str, int, bool):
        raise ComponentError(
            f"{where or 'the state'} has the key {cut(repr(key))}, a {type(key).__name__}; a checkpoint holds dicts "
            "whose keys are texts or whole numbers."
        )
    return key


def _key(key: Any) -> Any:
    if not isinstance(key, (str, int)):
        raise ValueError(f"{cut(repr(key))} is not a key")
    return key


def _tensor(tensor: torch.Tensor, where: str, tensors: dict[str, torch.Tensor]) -> Any:
    if tensor.layout == torch.sparse_coo:
        parts = {
            "indices": tensor._indices(), "values": tensor._values(), "shape": [*tensor.shape],
            "coalesced": tensor.is_coalesced(),
        }  # fmt: skip
        return {"sparse": _encoded(parts, where, tensors)}
    if tensor.layout != torch.strided or tensor.dtype not in DTYPES or tensor.is_meta:
        raise ComponentError(
            f"{where or 'the state'} is a tensor of {tensor.dtype}, {tensor.layout}, on {tensor.device}, which a "
            "checkpoint cannot hold."
        )
    name = where
    while name in tensors:  # the keys 1 and "1" give the same name
        name += "'"
    strides = tensor.stride()
    order = sorted(range(tensor.dim()), key=lambda n: -strides[n])
    turned = tensor.permute(order)
    if tensor.is_contiguous() or not turned.is_contiguous():
        tensors[name] = tensor.cpu().contiguous()
        return {"tensor": name}
    tensors[name] = turned.cpu()
    return {"tensor": name, "order": order}


def _sparse(parts: Any) -> torch.Tensor:
    if not isinstance(parts, dict) or parts.keys() != {"indices", "values", "shape", "coalesced"}:
        raise ValueError("a sparse tensor is incomplete")
    made = torch.sparse_coo_tensor(parts["indices"], parts["values"], parts["shape"], check_invariants=True)
    return made._coalesced_(parts["coalesced"])
