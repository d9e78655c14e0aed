"""A private random state for code that draws from torch's global generators."""

from __future__ import annotations

import hashlib
import operator
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from textforge.components.settings import MAX_SEED
from textforge.errors import RecipeError

# torch has one global generator per device, shared by all threads. Layers such as nn.Dropout draw from it.
# This lock gives one thread exclusive use.
_GLOBAL_GENERATOR = threading.RLock()
_FORK_WAITS = 1.0
"""Seconds that a fork waits for the step of another thread, so that the child starts between two steps."""


class RandomState:
    """A seeded torch random state, separate from the caller's and from that of any other trainer.

    Inside `active()`, torch's global generators continue from this state. On exit, their previous state is restored.

    Raises:
        RecipeError: the seed is not a whole number, or is out of range.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed: int = _checked_seed(seed)
        self.generator: torch.Generator = torch.Generator().manual_seed(self.seed)
        """The state of the CPU's draws, for code that takes a generator."""
        self._device = device if device.type == "cuda" else None
        self._cuda: torch.Tensor | None = None
        if self._device is not None:
            self._cuda = torch.Generator(self._device).manual_seed(self.seed).get_state()

    def state(self) -> dict[str, torch.Tensor | None]:
        """A copy of the generators' states, uint8 tensors: `cpu`, and `cuda`, which is None without such a device."""
        return {"cpu": self.generator.get_state(), "cuda": None if self._cuda is None else self._cuda.clone()}

    def load(self, state: Mapping[str, torch.Tensor | None]) -> None:
        """Continue from a state that `state` returned."""
        if state["cpu"] is not None:
            self.generator.set_state(state["cpu"])
        if self._cuda is not None and state["cuda"] is not None:
            self._cuda = state["cuda"].clone()

    def jump(self, *place: int) -> None:
        """Continue from a state that depends only on the seed and on these numbers."""
        text = ",".join(map(str, (self.seed, *place)))
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
        self.generator.manual_seed(seed)
        if self._device is not None:
            self._cuda = torch.Generator(self._device).manual_seed(seed).get_state()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Install this state in torch's global generators, and block other threads that want to do the same."""
        with _GLOBAL_GENERATOR:
            cpu = torch.get_rng_state()
            cuda = torch.cuda.get_rng_state(self._device) if self._device is not None else None
            torch.set_rng_state(self.generator.get_state())
            if self._device is not None and self._cuda is not None:
                torch.cuda.set_rng_state(self._cuda, self._device)
            try:
                yield
            finally:
                self.generator.set_state(torch.get_rng_state())
                torch.set_rng_state(cpu)
                if self._device is not None and cuda is not None:
                    self._cuda = torch.cuda.get_rng_state(self._device)
                    torch.cuda.set_rng_state(cuda, self._device)


def _checked_seed(seed: int) -> int:
    try:
        number = operator.index(seed)  # accepts numpy integers, too
    except TypeError:
        number = -1
    if not 0 <= number <= MAX_SEED:
        raise RecipeError(f"seed must be a whole number from 0 to {MAX_SEED}, not {seed!r}.")
    return number


_forking = threading.local()


def _before_fork() -> None:
    _forking.holds = _GLOBAL_GENERATOR.acquire(timeout=_FORK_WAITS)


def _after_fork(*, in_child: bool) -> None:
    global _GLOBAL_GENERATOR  # noqa: PLW0603
    if _forking.holds:
        _GLOBAL_GENERATOR.release()
    elif in_child:  # the thread that holds it does not exist here
        _GLOBAL_GENERATOR = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(in_child=False),
        after_in_child=lambda: _after_fork(in_child=True),
    )
