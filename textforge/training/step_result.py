"""The results of one training step."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True, eq=False)
class StepResult:
    """Results of one step: a batch, and the update of the weights if the step has one.

    Loss and gradient norm are read from the device when they are asked for, which waits for a GPU.
    """

    epoch: int
    """Number of the epoch, from 1."""
    step: int
    """Number of the batch in its epoch, from 1."""
    steps: int
    """Number of batches in an epoch."""
    learning_rate: float | None = None
    """The learning rate of this step, of the first group of parameters; None for a model that fits itself."""
    loss_tensor: torch.Tensor | None = field(default=None, repr=False)
    """The loss, float32, shape (), on the device."""
    norm_tensor: torch.Tensor | None = field(default=None, repr=False)
    """The gradient norm, float32, shape (), on the device."""

    @property
    def loss(self) -> float | None:
        """The mean loss of the batch's texts; None for a model that fits itself."""
        return None if self.loss_tensor is None else float(self.loss_tensor)

    @property
    def gradient_norm(self) -> float | None:
        """The L2 norm of all gradients before clipping; None without `clip_norm`, and in a step without an update."""
        return None if self.norm_tensor is None else float(self.norm_tensor)
