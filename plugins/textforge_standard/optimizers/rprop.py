"""Optimizer `rprop`."""

from typing import Annotated

from annotated_types import Gt, Lt

from textforge_standard.optimizers.of_torch import Positive, of_torch


@of_torch("Rprop")
def rprop(
    params,
    /,
    *,
    lr: Positive = 0.01,
    etas: tuple[Annotated[float, Gt(0), Lt(1)], Annotated[float, Gt(1)]] = (0.5, 1.2),
    step_sizes: tuple[Positive, Positive] = (1e-6, 50.0),
):
    """Resilient backpropagation (Riedmiller & Braun 1993): goes by signs alone, so it wants all texts in one batch.

    Options:
        lr: first step size.
        etas: what a step is multiplied by where the gradient's sign has changed, and where it has not.
        step_sizes: the smallest and the largest step.
    """


def _fit(*, step_sizes, **_):
    return "step_sizes must be the smallest step, then the largest." if step_sizes[0] > step_sizes[1] else None


rprop.check_options = _fit
