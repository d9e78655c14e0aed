"""Scheduler `exponential`."""

from typing import Annotated, Any

from annotated_types import Gt, Le


def exponential(optimizer: Any, steps_per_epoch: int, /, *, gamma: Annotated[float, Gt(0), Le(1)] = 0.9) -> Any:
    """The learning rate multiplied by gamma per epoch, in equal factors at each step.

    Options:
        gamma: factor on the rate per epoch.
    """
    from torch.optim.lr_scheduler import ExponentialLR

    return ExponentialLR(optimizer, gamma=gamma ** (1 / steps_per_epoch))
