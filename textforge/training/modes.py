"""The two modes of an optimizer whose training weights are not the weights to keep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim import Optimizer

from textforge.components.part import plugin_errors


class Modes:
    """Switches an optimizer between its modes; an optimizer without `train()` and `eval()` has none, and is left alone.

    Schedule-free optimizers (Defazio et al. 2024) compute gradients at one point and offer another, an average of
    their steps. `train()` gives the module the weights to train, `eval()` the weights to validate, save and use.

    Args:
        optimizer: the optimizer, before its first step.
        module: the module whose parameters it holds.
        who: the optimizer's name in messages.
    """

    def __init__(self, optimizer: Optimizer, module: nn.Module, who: str) -> None:
        self.exist: bool = has_modes(optimizer)
        """Whether the optimizer has two modes."""
        self.training: bool = False
        """Whether `train()` was called last."""
        self._optimizer, self._module, self._who = optimizer, module, who

    def switch(self, *, training: bool) -> None:
        """Call `train()` or `eval()`, unless the optimizer has no modes or is in this one."""
        if self.exist and training != self.training:
            with plugin_errors(self._who, "switching to training" if training else "switching to evaluation"):
                self._optimizer.train() if training else self._optimizer.eval()  # type: ignore[attr-defined]
            self.training = training

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Give the module the weights to keep inside the `with` block; the training then continues bit for bit.

        `train()` undoes `eval()` only up to rounding, so the training weights are copied and restored.
        """
        if not self.training:
            yield
            return
        own = [parameter.detach().clone() for parameter in self._module.parameters()]
        self.switch(training=False)
        try:
            yield
        finally:
            self.switch(training=True)
            with torch.no_grad():
                for parameter, weights in zip(self._module.parameters(), own, strict=True):
                    parameter.copy_(weights)


def has_modes(optimizer: Optimizer) -> bool:
    """Whether an optimizer has the methods `train()` and `eval()`."""
    return all(callable(getattr(optimizer, name, None)) for name in ("train", "eval"))
