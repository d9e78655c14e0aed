"""An exponential moving average of a module's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from textforge.classifiers.ownership import copied_state
from textforge.components.part import plugin_errors


class AveragedWeights:
    """Exponential moving average of a module's weights, updated after each step (Polyak & Juditsky 1992).

    The decay is min(decay, (1 + step) / (10 + step)), so that the random initial weights are quickly forgotten.
    Buffers and integer weights are not averaged; their latest value is used.

    Args:
        module: the module.
        decay: the largest weight of the earlier average.
        who: the model's name in messages.
    """

    def __init__(self, module: nn.Module, decay: float, who: str = "the model") -> None:
        self._module, self._decay, self._steps, self._who = module, decay, 0, who
        with plugin_errors(who, "giving its weights"):
            self._averages = copied_state(module.state_dict())
            self._parameter_names = {name for name, _ in module.named_parameters()}

    @torch.no_grad()
    def update(self) -> None:
        """Add the module's current weights to the average."""
        self._steps += 1
        weight = 1 - min(self._decay, (1 + self._steps) / (10 + self._steps))
        with plugin_errors(self._who, "giving its weights"):
            weights = self._module.state_dict()
        for name, value in weights.items():
            if name in self._parameter_names and value.is_floating_point():
                self._averages[name].lerp_(value, weight)
            else:
                self._averages |= copied_state({name: value})

    def state(self) -> dict[str, Any]:
        """A copy of the averages and of the number of updates."""
        return {"updates": self._steps, "averages": copied_state(self._averages)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned."""
        self._steps = state["updates"]
        for name, value in self._averages.items():
            if isinstance(value, torch.Tensor):
                value.copy_(state["averages"][name])
            else:
                self._averages[name] = copied_state(state["averages"][name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the module the averaged weights inside the `with` block, and restore its own afterwards."""
        with plugin_errors(self._who, "giving its weights"):
            own = copied_state(self._module.state_dict())
        self._take(self._averages)
        try:
            yield
        finally:
            self._take(own)

    def _take(self, weights: dict[str, Any]) -> None:
        with plugin_errors(self._who, "taking averaged weights"):
            self._module.load_state_dict(weights)
