"""Scheduler `step`."""

from typing import Annotated

from annotated_types import Ge, Gt


def step(optimizer, steps_per_epoch: int, /, *, every: Annotated[int, Ge(1)] = 5, gamma: Annotated[float, Gt(0)] = 0.1):
    """The learning rate multiplied by gamma once in so many epochs.

    Options:
        every: epochs between two changes.
        gamma: what the rate is multiplied by.
    """
    from torch.optim.lr_scheduler import StepLR

    return StepLR(optimizer, step_size=every * steps_per_epoch, gamma=gamma)
