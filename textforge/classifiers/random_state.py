"""A private random state for torch code that draws from torch's global one."""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from textforge.components.settings import MAX_SEED
from textforge.errors import RecipeError

# torch has one global generator a device, shared by all threads; layers such as nn.Dropout draw
# from it. Whoever holds this lock has it to himself.
_GLOBAL_GENERATOR = threading.RLock()


class RandomState:
    """Torch's random state from a seed, apart from the caller's and from any other trainer's.

    Inside `active()` torch's global generators continue this state; afterwards they are as before.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._cpu = torch.Generator().manual_seed(seed).get_state()
        self._device = device if device.type == "cuda" else None
        self._cuda: torch.Tensor | None = None
        if self._device is not None:
            self._cuda = torch.Generator(self._device).manual_seed(seed).get_state()

    @contextmanager
    def active(self) -> Iterator[None]:
        with _GLOBAL_GENERATOR:
            cpu = torch.get_rng_state()
            cuda = torch.cuda.get_rng_state(self._device) if self._device is not None else None
            torch.set_rng_state(self._cpu)
            if self._device is not None and self._cuda is not None:
                torch.cuda.set_rng_state(self._cuda, self._device)
            try:
                yield
            finally:
                self._cpu = torch.get_rng_state()
                torch.set_rng_state(cpu)
                if self._device is not None and cuda is not None:
                    self._cuda = torch.cuda.get_rng_state(self._device)
                    torch.cuda.set_rng_state(cuda, self._device)


def checked_seed(seed: int) -> int:
    """A seed as an int.

    Raises:
        RecipeError: it is no whole number, or out of range.
    """
    try:
        number = operator.index(seed)  # numpy's whole numbers, too
    except TypeError:
        number = -1
    if not 0 <= number <= MAX_SEED:
        raise RecipeError(f"seed must be a whole number from 0 to {MAX_SEED}, not {seed!r}.")
    return number
