from typing import Annotated

from annotated_types import Ge
from textforge import hookimpl


def halving(optimizer, steps_per_epoch, /, *, epochs: Annotated[int, Ge(1)] = 2):
    """Halve the learning rate at regular intervals.

    Options:
        epochs: number of epochs between two halvings.
    """
    from torch.optim.lr_scheduler import StepLR

    return StepLR(optimizer, epochs * steps_per_epoch, gamma=0.5)


@hookimpl
def textforge_schedulers():
    return {"halving": halving}
