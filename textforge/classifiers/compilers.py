"""Whether torch.compile works for a device of this machine."""

from __future__ import annotations

import os
import shutil
import sys

import torch

from textforge.errors import RecipeError

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
    if not any(shutil.which(name) for name in wanted):
        raise RecipeError(
            f"trainer.compile: torch.compile needs a C++ compiler, and there is no {' or '.join(wanted)} on the PATH. "
            f"Install one, or leave trainer.compile out."
        )
    from torch.utils._triton import has_triton

    if device.type == "cuda" and not has_triton():
        raise RecipeError(f"trainer.compile: torch.compile needs Triton on a GPU, which is not installed. {ADVICE}")
