"""A bundle's model, built anew only once it is known to be no larger than the weights that the bundle holds.

A description of a few kilobytes may ask for a layer of any size. So the factory is called twice: first on torch's meta
device, where tensors have shapes and take no memory, then for good.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from textforge.classifiers.classifier import rebuilt
from textforge.classifiers.random_state import RandomState
from textforge.components.part import Part, part_name
from textforge.errors import BundleError, ComponentError

SPARE_WEIGHTS = 2**20
"""Numbers of weights that a model may have besides twice those of the bundle: a version that adds a layer is told so
by torch, name by name."""
SPARE_TABLES = 2**26
"""Numbers that a model may compute for itself, such as the sines of positions; float32, 256 MiB."""
SPARE_TENSORS = 20_000
"""Tensors that a factory may make besides eight for each that the bundle holds."""

_MAKERS = frozenset(
    (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.arange,
     torch.linspace, torch.logspace, torch.eye, torch.empty_strided, torch.randperm, torch.normal)
)  # fmt: skip
"""Functions that make a tensor of a size given in numbers."""


@dataclass(frozen=True)
class _Held:
    """How much a bundle holds: numbers in all, and tensors."""

    numbers: int
    tensors: int


@dataclass(frozen=True)
class _Asked:
    """How many numbers a module has in its weights, and in tensors that are not saved."""

    weights: int
    tables: int


def restored(part: Part, facts: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """The module of a bundle's model with its weights.

    Raises:
        BundleError: it would be larger than the weights.
        ComponentError: the factory raises, or the weights do not fit.
    """
    held = _Held(sum(tensor.numel() for tensor in weights.values()), len(weights))
    asked = _asked(part, facts, held)
    if asked is None:
        with _Bounded(part, held, on_meta=False):
            return rebuilt(part, facts, weights)
    # Numbers in all, not shapes: these torch compares, after the renamings that a module may do while it loads.
    if asked.weights > 2 * held.numbers + SPARE_WEIGHTS:
        raise _too_large(part, f"has {asked.weights:,} weights with these options", held)
    if asked.tables > 2 * held.numbers + SPARE_TABLES:
        raise _too_large(part, f"computes {asked.tables:,} numbers besides its weights with these options", held)
    module = rebuilt(part, facts, weights)
    if any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())):
        raise ComponentError(
            f"{part_name(part)} keeps a tensor from one call of its factory for the next. Make it anew in each call."
        )
    return module


def _asked(part: Part, facts: Mapping[str, Any], held: _Held) -> _Asked | None:
    """The size of the module, found on the meta device; None where the factory fails there.

    One that reads numbers, for instance with `item()`, does: the meta device has none.
    """
    try:
        with RandomState(0, torch.device("cpu")).active(), torch.device("meta"), _Bounded(part, held, on_meta=True):
            module = part.build(facts)
            kept = {id(tensor): _numbers(tensor) for tensor in module.state_dict(keep_vars=True).values()}
            every = {id(tensor): _numbers(tensor) for tensor in (*module.parameters(), *module.buffers())}
    except BundleError:
        raise
    except Exception:  # what is not due to the device is raised again off it
        return None
    return _Asked(sum(kept.values()), sum(numbers for one, numbers in every.items() if one not in kept))


def _numbers(tensor: Any) -> int:
    """How many numbers a tensor has; 0 for what is none, or has no shape yet."""
    lazy = isinstance(tensor, (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer))
    return tensor.numel() if isinstance(tensor, torch.Tensor) and not lazy else 0


def _too_large(part: Part, what: str, held: _Held) -> BundleError:
    return BundleError(
        f"{part_name(part)} {what}, and the bundle holds {held.numbers:,}. Its options or facts are not those that "
        "it was saved with."
    )


class _Bounded(TorchFunctionMode):
    """Stops a factory that makes more tensors, or larger ones, than the weights of a bundle give reason for.

    Args:
        on_meta: tensors take no memory, so that only how many there are is bounded.
    """

    def __init__(self, part: Part, held: _Held, *, on_meta: bool) -> None:
        super().__init__()
        self._part, self._held, self._on_meta = part, held, on_meta
        self._numbers = self._tensors = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in _MAKERS:
            self._count(func, args, given)
        if self._on_meta and func in _SHAPES:
            with suppress(Exception):  # arguments that it has no rule for
                return _SHAPES[func](*args, **given)
        return func(*args, **given)

    def _count(self, func: Any, args: Any, given: Mapping[str, Any]) -> None:
        self._tensors += 1
        if self._tensors > 8 * self._held.tensors + SPARE_TENSORS:
            raise _too_large(self._part, f"makes over {self._tensors - 1:,} tensors with these options", self._held)
        if self._on_meta:
            return
        with suppress(Exception):  # arguments that are wrong: the call itself says how
            sized = {name: value for name, value in given.items() if name not in ("generator", "out")}
            self._numbers += func(*args, **{**sized, "device": "meta"}).numel()
        if self._numbers > 8 * self._held.numbers + SPARE_TABLES:
            raise _too_large(self._part, f"makes {self._numbers:,} numbers or more with these options", self._held)


def _drawn(*args: Any, generator: Any = None, **given: Any) -> torch.Tensor:
    return torch.empty(*args, **given)


def _filled(tensor: torch.Tensor, *args: Any, **given: Any) -> torch.Tensor:
    return tensor


def _counted(start: float, end: float | None = None, step: float = 1, *, dtype: Any = None) -> torch.Tensor:
    first, last = (0, start) if end is None else (start, end)
    whole = all(isinstance(one, int) for one in (first, last, step))
    kind = dtype or (torch.int64 if whole else torch.get_default_dtype())
    return torch.empty(max(0, math.ceil((last - first) / step)), dtype=kind)


def _computed(*values: Any) -> torch.Tensor:
    """Of the shape of all values, broadcast."""
    shapes = [one.shape for one in values if isinstance(one, torch.Tensor)]
    dtype = torch.result_type(values[0], values[-1])
    return torch.empty(np.broadcast_shapes(*shapes), dtype=dtype)


def _stacked(tensors: Any, dim: int = 0) -> torch.Tensor:
    shape = [*tensors[0].shape]
    shape.insert(dim % (len(shape) + 1), len(tensors))
    return torch.empty(shape, dtype=tensors[0].dtype)


def _in_floats(*values: Any) -> torch.Tensor:
    found = _computed(*values)
    return found if found.is_floating_point() else found.to(torch.get_default_dtype())


_SHAPES: dict[Any, Callable[..., torch.Tensor]] = {
    **dict.fromkeys((torch.rand, torch.randn), _drawn),
    **dict.fromkeys((torch.Tensor.normal_, torch.Tensor.uniform_), _filled),
    **dict.fromkeys((torch.Tensor.add, torch.Tensor.sub, torch.Tensor.mul, torch.Tensor.neg, torch.Tensor.__rpow__,
                     torch.Tensor.__rsub__), _computed),
    **dict.fromkeys((torch.Tensor.div, torch.Tensor.__rdiv__, torch.Tensor.sin, torch.Tensor.cos, torch.Tensor.exp,
                     torch.sin, torch.cos, torch.exp), _in_floats),
    torch.arange: _counted,
    torch.stack: _stacked,
}  # fmt: skip
"""Results of the functions that initial weights and positions are most often made with, on the meta device: torch would
first import its compiler to tell their shapes, which takes most of a second."""
