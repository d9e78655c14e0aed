"""The device to compute on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textforge.errors import RecipeError

if TYPE_CHECKING:
    import torch


def as_device(device: torch.device | str) -> torch.device:
    """Return the device of that name; 'auto' is the first CUDA device if one is available, else the CPU.

    Raises:
        RecipeError: the device is not available.
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    no_device = RecipeError(f"unknown device '{device}'. Use device 'cpu', 'cuda' or 'auto'.")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise no_device from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise RecipeError(f"device '{found}': torch finds no CUDA device here. Use device 'cpu' or 'auto'.")
    try:
        torch.zeros(1, device=found).item()  # fails unless the device can compute; 'meta' holds no values
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise no_device from error
    return found
