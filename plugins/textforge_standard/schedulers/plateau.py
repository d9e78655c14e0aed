"""Scheduler `plateau`."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from textforge_standard.ranges import NotNegative


def plateau(
    optimizer: Any,
    monitor_mode: Literal["min", "max"],
    /,
    *,
    factor: Annotated[float, Gt(0), Lt(1)] = 0.1,
    patience: Annotated[int, Ge(0)] = 2,
    threshold: NotNegative = 0.0001,
    threshold_mode: Literal["rel", "abs"] = "rel",
    cooldown: Annotated[int, Ge(0)] = 0,
    min_lr: NotNegative = 0.0,
) -> Any:
    """Lowers the learning rate when the monitored validation metric stops improving; needs a validation split.

    Options:
        factor: factor on the rate at each change.
        patience: number of epochs without improvement that are tolerated; the next one lowers the rate.
        threshold: smallest change that counts as an improvement.
        threshold_mode: whether threshold is a fraction of the best value (rel) or a difference (abs).
        cooldown: number of epochs after a change that are not counted.
        min_lr: lower bound on the rate.
    """
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    return ReduceLROnPlateau(
        optimizer,
        mode=monitor_mode,
        factor=factor,
        patience=patience,
        threshold=threshold,
        threshold_mode=threshold_mode,
        cooldown=cooldown,
        min_lr=min_lr,
    )
