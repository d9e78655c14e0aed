"""Scheduler `exponential`."""

from typing import Annotated

from annotated_types import Gt, Le


def exponential(optimizer, steps_per_epoch: int, /, *, gamma: Annotated[float, Gt(0), Le(1)] = 0.9):
    """The learning rate multiplied by gamma in every epoch, a little at each step.

    Options:
        gamma: what is left of the rate after an epoch.
    """
    from torch.optim.lr_scheduler import ExponentialLR

    return ExponentialLR(optimizer, gamma=gamma ** (1 / steps_per_epoch))
