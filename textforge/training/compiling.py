"""Compile a module with torch.compile, for `trainer.compile`."""

from __future__ import annotations

from types import MethodType

import torch
from torch import nn

from textforge.features.bag_sums import leave_to_eager
from textforge.features.batch import RaggedBatch

BACKEND = "inductor"


def compile_module(module: nn.Module) -> None:
    """Compile the calls of a module in place; its weights keep their names, and its copies are not compiled.

    Batches differ in their number of words, so sizes are symbols of the compiled code. What cannot be compiled is
    called as before: bag sums with a sparse gradient, and padding, whose size depends on the texts. So are
    convolutions over words: inductor calls the same library for them, but compiles the code around them again for
    each length of a batch, up to torch's limit of 8, and then no more.
    """
    leave_to_eager()
    if not hasattr(RaggedBatch.padded, "_torchdynamo_disable"):
        RaggedBatch.padded = torch.compiler.disable(RaggedBatch.padded)  # type: ignore[method-assign,no-untyped-call]
    convolved = torch.compiler.disable(_convolved)  # type: ignore[no-untyped-call]
    for layer in module.modules():
        if type(layer) is nn.Conv1d:  # a subclass may have a forward of its own
            # A method, because a deep copy of the layer then gets one that is bound to the copy.
            layer.forward = MethodType(convolved, layer)  # type: ignore[method-assign]
    module.compile(dynamic=True, backend=BACKEND)


def _convolved(layer: nn.Conv1d, states: torch.Tensor) -> torch.Tensor:
    return nn.Conv1d.forward(layer, states)
