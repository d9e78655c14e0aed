"""Compile a module with torch.compile, for `trainer.compile`."""

from __future__ import annotations

from torch import nn

from textforge.features.bag_sums import leave_to_eager

BACKEND = "inductor"


def compile_module(module: nn.Module) -> None:
    """Compile the calls of a module in place; its weights keep their names, and its copies are not compiled.

    Batches differ in their number of words, so sizes are symbols of the compiled code. What cannot be compiled, such as
    a bag sum with a sparse gradient, is called as before.
    """
    leave_to_eager()
    module.compile(dynamic=True, backend=BACKEND)
