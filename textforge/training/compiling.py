"""Compile a module with torch.compile, for `trainer.compile`."""

from __future__ import annotations

import os
import shutil
import sys

import torch
from torch import nn

from textforge.errors import RecipeError
from textforge.features.bag_sums import leave_to_eager

BACKEND = "inductor"
COMPILERS = ("g++", "clang++")
ADVICE = "Leave trainer.compile out."


def refuse_without_compiler(device: torch.device) -> None:
    """Refuse `trainer.compile` where torch cannot compile, before anything is trained.

    Raises:
        RecipeError: this is Windows, there is no C++ compiler, or, on a GPU, no Triton.
    """
    if sys.platform == "win32":
        raise RecipeError(f"trainer.compile: torch.compile is not supported here on Windows. {ADVICE}")
    wanted = (os.environ["CXX"],) if os.environ.get("CXX") else COMPILERS
    if BACKEND == "inductor" and not any(shutil.which(name) for name in wanted):
        raise RecipeError(
            f"trainer.compile: torch.compile needs a C++ compiler, and there is no {' or '.join(wanted)} on the PATH. "
            f"Install one, or leave trainer.compile out."
        )
    if device.type == "cuda" and not torch.utils._triton.has_triton():
        raise RecipeError(f"trainer.compile: torch.compile needs Triton on a GPU, which is not installed. {ADVICE}")


def compile_module(module: nn.Module) -> None:
    """Compile the calls of a module in place; its weights keep their names, and its copies are not compiled.

    Batches differ in their number of words, so sizes are symbols of the compiled code. What cannot be compiled, such as
    a bag sum with a sparse gradient, is called as before.
    """
    leave_to_eager()
    module.compile(dynamic=True, backend=BACKEND)
