"""Scheduler `plateau`."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from textforge_standard.optimizers.of_torch import NotNegative


def plateau(
    optimizer,
    monitor_mode: str,
    /,
    *,
    factor: Annotated[float, Gt(0), Lt(1)] = 0.1,
    patience: Annotated[int, Ge(0)] = 2,
    threshold: NotNegative = 0.0001,
    threshold_mode: Literal["rel", "abs"] = "rel",
    cooldown: Annotated[int, Ge(0)] = 0,
    min_lr: NotNegative = 0.0,
):
    """A lower learning rate where the monitored validation figure gets no better; needs a validation split.

    Options:
        factor: what the rate is multiplied by.
        patience: epochs without a better figure that are borne; the next one lowers the rate.
        threshold: by how much a figure must be better to count.
        threshold_mode: whether threshold is a fraction of the best figure (rel) or a difference (abs).
        cooldown: epochs after a change that are not counted.
        min_lr: lowest rate.
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
