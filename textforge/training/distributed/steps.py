"""Make one step of the steps of several processes: one sum of gradients, one loss, one decision to go on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from textforge.errors import RecipeError
from textforge.training.distributed.gradients import GradientSum
from textforge.training.distributed.steering import SharedSteering
from textforge.training.distributed.workers import Workers


class SharedSteps:
    """What the processes of a training exchange in each step.

    Args:
        module: the module in training.
        workers: the processes.
        steering: learns when a process asks to stop.
    """

    def __init__(self, module: nn.Module, workers: Workers, steering: SharedSteering) -> None:
        self.workers: Workers = workers
        self._steering = steering
        self.gradients: GradientSum = GradientSum(module, workers)
        self._own: torch.Tensor | None = None
        self._total: torch.Tensor | None = None

    def begin(self, loss: torch.Tensor) -> None:
        """Take this process's part of the loss of a batch, shape (), before its gradients are added up."""
        wishes = [float(self._steering.wants_stop), float(self.workers.signalled())]
        self._own = torch.cat([loss.float().reshape(1), torch.tensor(wishes, device=loss.device)])

    def sum_gradients(self) -> None:
        """Give the module the sum of the gradients of all processes; what `begin` took goes with them."""
        if self._own is None:
            self.gradients(torch.zeros(0, device=next(iter(self.gradients.parameters)).device))
        else:
            self._total, self._own = self.gradients(self._own), None

    def end(self) -> torch.Tensor:
        """Return the loss of the batch in all processes, shape ()."""
        if self._own is not None:
            self._total, self._own = self.workers.sum_(self._own), None
        assert self._total is not None
        return self._total[0]

    def heed(self) -> None:
        """Learn what any process has asked for, as of the last step; on a GPU, waits for it."""
        assert self._total is not None
        _, stop, ending = self._total.tolist()
        if stop:
            self._steering.stops_after_step = True
        self.workers.ending = bool(ending)


def refuse_batch_norm(module: nn.Module, who: str) -> None:
    """Refuse layers whose output for a text depends on the other texts of the batch.

    Raises:
        RecipeError: the module has batch normalization.
    """
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules()):
        raise RecipeError(
            f"{who} has batch normalization, which would normalize the texts of each process for themselves and not "
            "the whole batch. Train it in one process, or normalize by layer (norm: layer)."
        )


def tensors_of(module: nn.Module) -> Iterator[torch.Tensor]:
    """The parameters and buffers of a module."""
    yield from module.parameters()
    yield from module.buffers()
