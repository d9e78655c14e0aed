"""Build a module again for saved weights, without drawing initial weights and without a lock.

A factory draws initial weights, which the saved ones replace. Drawing them takes time and, from torch's global
generator, a turn. Here draws of floats are left out, as by `torch.nn.utils.skip_init`, if they reach nothing but
weights that are replaced. Everything else that the factory computes, such as positions, is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from textforge.classifiers.random_state import RandomState
from textforge.components.part import Part, part_name, plugin_errors

CPU = torch.device("cpu")


def rebuilt(part: Part, facts: Mapping[str, Any], weights: dict[str, torch.Tensor]) -> nn.Module:
    """Build a model's module again with saved weights.

    Args:
        part: the model.
        facts: the facts that the module was built from.
        weights: the module's `state_dict`, on the CPU. The module takes over its tensors where it can.

    Raises:
        ComponentError: the weights do not fit the module that the factory builds.
    """
    module = _without_initial_weights(part, facts)
    if module is None:
        with PrivateDraws():
            module = part.build(facts)
    with plugin_errors(part_name(part), "taking its saved weights"):
        if not _takes_over(module, weights):
            module.load_state_dict(weights)
        elif _aliased(module, weights):  # something else in the module still has the storage of an initial weight
            with PrivateDraws():
                module = part.build(facts)
            module.load_state_dict(weights)
    return module


def _without_initial_weights(part: Part, facts: Mapping[str, Any]) -> nn.Module | None:
    """Build the module without drawing; None if a draw may reach more than the weights that are saved."""
    try:
        with _SkippedDraws() as draws:
            module: nn.Module = part.build(facts)
        saved = {one.untyped_storage()._cdata for one in module.state_dict(keep_vars=True).values()}
    except Exception:  # an error of the factory itself is raised again when it is built with its draws
        return None
    return module if draws.reached() <= saved else None


# -- draws -------------------------------------------------------------------------------------


class _Mode(TorchDispatchMode):
    """A mode that does not import torch's compiler, which takes most of a second."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class PrivateDraws(_Mode):
    """Draw from a private generator with seed 0 wherever a function would draw from torch's global one."""

    def __init__(self) -> None:
        super().__init__()
        self._random = RandomState(0, CPU)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if not _draws(func, given) or _device(args, given).type != "cpu":
            return func(*args, **given)
        if with_generator := _with_generator(func):
            return with_generator(*args, **{**given, "generator": self._random.generator})
        with self._random.active():  # a function that takes no generator, such as dropout
            return func(*args, **given)


class _SkippedDraws(_Mode):
    """Leave out draws of floats, and record the storages that would depend on them."""

    def __init__(self) -> None:
        super().__init__()
        self._storages: dict[int, StorageWeakRef] = {}

    def reached(self) -> set[int]:
        """The storages, as addresses, that are still in use and would depend on a draw."""
        return {address for address, storage in self._storages.items() if not storage.expired()}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if _draws(func, given):
            return self._skipped(func, args, given)
        tainted = any(one.untyped_storage()._cdata in self._storages for one in _tensors((args, given)))
        if tainted and func is torch.ops.aten.clone.default:
            made = torch.empty_like(*args, **given)
        else:
            made = func(*args, **given)
        if tainted:
            results = _tensors(made)
            if not results and made is not None:
                raise RuntimeError("the factory reads a number that was drawn")
            self._record(results)
        return made

    def _skipped(self, func: Any, args: Any, given: Mapping[str, Any]) -> torch.Tensor:
        packet = func.overloadpacket
        if packet in (torch.ops.aten.normal_, torch.ops.aten.uniform_):
            made: torch.Tensor = args[0]
        elif packet in (torch.ops.aten.rand, torch.ops.aten.randn):
            made = torch.empty(args[0], **{name: value for name, value in given.items() if name != "generator"})
        else:
            raise RuntimeError("a draw that is not of initial weights")
        self._record([made])
        return made

    def _record(self, tensors: list[torch.Tensor]) -> None:
        for one in tensors:
            storage = one.untyped_storage()
            self._storages[storage._cdata] = StorageWeakRef(storage)


def _draws(func: Any, given: Mapping[str, Any]) -> bool:
    """Whether a function of torch's dispatcher draws from the global generator."""
    return torch.Tag.nondeterministic_seeded in func.tags and given.get("generator") is None


def _with_generator(func: Any) -> Any:
    """The function itself, or its overload that takes a generator; None if there is none."""
    names = {argument.name for argument in func._schema.arguments}
    if "generator" in names:
        return func
    overloads = [getattr(func.overloadpacket, name) for name in func.overloadpacket.overloads()]
    wanted = names | {"generator"}
    return next((one for one in overloads if {a.name for a in one._schema.arguments} == wanted), None)


def _device(args: Any, given: Mapping[str, Any]) -> torch.device:
    tensors = _tensors(args)
    return tensors[0].device if tensors else torch.device(given.get("device") or CPU)


def _tensors(values: Any) -> list[torch.Tensor]:
    """The tensors among arguments or results, to any depth."""
    if isinstance(values, torch.Tensor):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (list, tuple)):
        return []
    return [one for value in values for one in _tensors(value)]


# -- weights -----------------------------------------------------------------------------------


def _takes_over(module: nn.Module, weights: Mapping[str, torch.Tensor]) -> bool:
    """Whether the saved tensors can become the module's own, so that no copy is needed."""
    own = module.state_dict(keep_vars=True)
    return (
        type(module).load_state_dict is nn.Module.load_state_dict
        and own.keys() == weights.keys()
        and len({id(one) for one in own.values()}) == len(own)  # tied weights would come apart
        and all(_alike(one, weights[name]) for name, one in own.items())
    )


def _alike(own: torch.Tensor, saved: torch.Tensor) -> bool:
    if isinstance(own, (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer)):
        return False
    if own.layout is not torch.strided:  # other layouts have no storage to compare
        return False
    return all(getattr(own, name) == getattr(saved, name) for name in ("shape", "dtype", "device", "layout"))


def _aliased(module: nn.Module, weights: dict[str, torch.Tensor]) -> bool:
    """Load the weights by taking over their tensors; whether the initial ones are still in use somewhere."""
    storages = [StorageWeakRef(one.untyped_storage()) for one in module.state_dict().values()]
    module.load_state_dict(weights, assign=True)
    return not all(storage.expired() for storage in storages)
