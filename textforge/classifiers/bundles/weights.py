"""Rebuild the model of a bundle, after verifying that it is not larger than the stored weights.

A description of a few kilobytes may ask for a layer of any size. Therefore the factory is called twice: first on
torch's meta device, where tensors have shapes but take no memory, then on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from textforge.classifiers.bundles.arrays import read_copies
from textforge.classifiers.rebuilding import PrivateDraws, rebuilt
from textforge.components.part import Part, part_name, plugin_errors
from textforge.errors import BundleError, ComponentError

SPARE_WEIGHTS = 2**20
"""Weights (scalars) that a model may have beyond twice those of the bundle.

The slack lets torch report a layer that a newer version added, name by name.
"""
SPARE_TABLES = 2**26
"""Scalars that a model may compute without storing them, such as sinusoidal positions; 256 MiB as float32."""
SPARE_TENSORS = 20_000
"""Tensors that a factory may create beyond eight for each tensor in the bundle."""

_MAKERS = frozenset(
    (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.arange,
     torch.linspace, torch.logspace, torch.eye, torch.empty_strided, torch.randperm, torch.normal)
)  # fmt: skip
"""Functions that create a tensor from a numeric size."""


@dataclass(frozen=True)
class _BundleSize:
    """The size of a bundle's weights: the total number of scalars, and of tensors."""

    numbers: int
    tensors: int


@dataclass(frozen=True)
class _ModuleSize:
    """The size of a module: the number of scalars in its weights, and in tensors that are not saved."""

    weights: int
    tables: int


def restored(part: Part, facts: Mapping[str, Any], weights: dict[str, torch.Tensor]) -> nn.Module:
    """Build the module of a bundle's model and load its weights.

    Raises:
        BundleError: the module would be larger than the stored weights justify.
        ComponentError: the factory raises, or the weights do not fit.
    """
    held = _BundleSize(sum(tensor.numel() for tensor in weights.values()), len(weights))
    asked = _module_size(part, facts, held)
    if asked is None:
        with _Bounded(part, held, on_meta=False):
            return rebuilt(part, facts, weights)
    # Compare totals only: torch compares shapes later, after any renaming that the module does while loading.
    if asked.weights > 2 * held.numbers + SPARE_WEIGHTS:
        raise _too_large(part, f"has {asked.weights:,} weights with these options", held)
    if asked.tables > 2 * held.numbers + SPARE_TABLES:
        raise _too_large(part, f"computes {asked.tables:,} numbers besides its weights with these options", held)
    module = rebuilt(part, facts, weights)
    with plugin_errors(part_name(part), "giving its weights"):
        shared = any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))
    if shared:
        raise ComponentError(
            f"{part_name(part)} keeps a tensor from one call of its factory for the next. Create it in each call."
        )
    return module


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a safetensors file into memory of their own."""
    return read_copies(path, "pt", torch.empty_like)


def _module_size(part: Part, facts: Mapping[str, Any], held: _BundleSize) -> _ModuleSize | None:
    """Measure the module on the meta device; return None if the factory fails there.

    A factory that reads values, for instance with `item()`, fails, because meta tensors have no values.
    """
    try:
        with PrivateDraws(), torch.device("meta"), _Bounded(part, held, on_meta=True):
            module = part.build(facts)
            kept = {id(tensor): _numbers(tensor) for tensor in module.state_dict(keep_vars=True).values()}
            every = {id(tensor): _numbers(tensor) for tensor in (*module.parameters(), *module.buffers())}
    except BundleError:
        raise
    except Exception:  # an error not caused by the device is raised again on the CPU
        return None
    return _ModuleSize(sum(kept.values()), sum(numbers for one, numbers in every.items() if one not in kept))


def _numbers(tensor: Any) -> int:
    """Return the number of scalars in a tensor; 0 for other objects and for tensors without a shape yet."""
    lazy = isinstance(tensor, (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer))
    return tensor.numel() if isinstance(tensor, torch.Tensor) and not lazy else 0


def _too_large(part: Part, what: str, held: _BundleSize) -> BundleError:
    return BundleError(
        f"{part_name(part)} {what}, and the bundle holds {held.numbers:,}. Its options or facts are not those that "
        "it was saved with."
    )


class _Bounded(TorchFunctionMode):
    """Stop a factory that creates more or larger tensors than the weights of a bundle justify.

    Args:
        part: the model, for the error message.
        held: the size of the bundle's weights.
        on_meta: whether tensors are on the meta device. They take no memory there, so only their number is limited.
    """

    def __init__(self, part: Part, held: _BundleSize, *, on_meta: bool) -> None:
        super().__init__()
        self._part, self._held, self._on_meta = part, held, on_meta
        self._numbers = self._tensors = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in _MAKERS:
            self._count(func, args, given)
        if self._on_meta and func in _SHAPES:
            with suppress(Exception):  # unsupported arguments: torch computes the shape itself
                return _SHAPES[func](*args, **given)
        return func(*args, **given)

    def _count(self, func: Any, args: Any, given: Mapping[str, Any]) -> None:
        self._tensors += 1
        if self._tensors > 8 * self._held.tensors + SPARE_TENSORS:
            raise _too_large(self._part, f"makes over {self._tensors - 1:,} tensors with these options", self._held)
        if self._on_meta:
            return
        with suppress(Exception):  # invalid arguments: the call itself raises
            sized = {name: value for name, value in given.items() if name not in ("generator", "out")}
            self._numbers += func(*args, **{**sized, "device": "meta"}).numel()
        if self._numbers > 8 * self._held.numbers + SPARE_TABLES:
            raise _too_large(self._part, f"makes {self._numbers:,} numbers or more with these options", self._held)


def _empty(*args: Any, generator: Any = None, **given: Any) -> torch.Tensor:
    return torch.empty(*args, **given)


def _unchanged(tensor: torch.Tensor, *args: Any, **given: Any) -> torch.Tensor:
    return tensor


def _arange(start: float, end: float | None = None, step: float = 1, *, dtype: Any = None) -> torch.Tensor:
    first, last = (0, start) if end is None else (start, end)
    whole = all(isinstance(one, int) for one in (first, last, step))
    kind = dtype or (torch.int64 if whole else torch.get_default_dtype())
    return torch.empty(max(0, math.ceil((last - first) / step)), dtype=kind)


def _elementwise(*values: Any) -> torch.Tensor:
    """Return an empty tensor of the shape to which all values broadcast."""
    shapes = [one.shape for one in values if isinstance(one, torch.Tensor)]
    dtype = torch.result_type(values[0], values[-1])
    return torch.empty(np.broadcast_shapes(*shapes), dtype=dtype)


def _stack(tensors: Any, dim: int = 0) -> torch.Tensor:
    shape = [*tensors[0].shape]
    shape.insert(dim % (len(shape) + 1), len(tensors))
    return torch.empty(shape, dtype=tensors[0].dtype)


def _elementwise_float(*values: Any) -> torch.Tensor:
    found = _elementwise(*values)
    return found if found.is_floating_point() else found.to(torch.get_default_dtype())


_SHAPES: dict[Any, Callable[..., torch.Tensor]] = {
    **dict.fromkeys((torch.rand, torch.randn), _empty),
    **dict.fromkeys((torch.Tensor.normal_, torch.Tensor.uniform_), _unchanged),
    **dict.fromkeys((torch.Tensor.add, torch.Tensor.sub, torch.Tensor.mul, torch.Tensor.neg, torch.Tensor.__rpow__,
                     torch.Tensor.__rsub__), _elementwise),
    **dict.fromkeys((torch.Tensor.div, torch.Tensor.__rdiv__, torch.Tensor.sin, torch.Tensor.cos, torch.Tensor.exp,
                     torch.sin, torch.cos, torch.exp), _elementwise_float),
    torch.arange: _arange,
    torch.stack: _stack,
}  # fmt: skip
"""Shape-only versions, for the meta device, of the functions that most often create initial weights and positions.

torch would import its compiler to compute these shapes, which takes most of a second.
"""
