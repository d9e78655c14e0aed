"""Scheduler `step`."""

from typing import Any

from textforge_standard.ranges import Count, Positive


def step(optimizer: Any, steps_per_epoch: int, /, *, every: Count = 5, gamma: Positive = 0.1) -> Any:
    """The learning rate multiplied by gamma every few epochs.

    Options:
        every: number of epochs between two changes.
        gamma: factor on the rate at each change.
    """
    from torch.optim.lr_scheduler import StepLR

    return StepLR(optimizer, step_size=every * steps_per_epoch, gamma=gamma)
