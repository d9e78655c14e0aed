"""Optimizer `rprop`."""

from typing import Annotated, Any

from annotated_types import Gt, Lt

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import PlainRate, Positive


@of_torch("Rprop")
def rprop(
    params: Any,
    /,
    *,
    lr: PlainRate = 0.01,
    etas: tuple[Annotated[float, Gt(0), Lt(1)], Annotated[float, Gt(1)]] = (0.5, 1.2),
    step_sizes: tuple[Positive, Positive] = (1e-6, 50.0),
) -> Any:
    """Resilient backpropagation (Riedmiller & Braun 1993): uses only the signs of gradients.

    A sign is reliable only for all texts together, so use one batch.

    Options:
        lr: first step size.
        etas: factors on the step size after the gradient's sign has changed, and after it has not.
        step_sizes: smallest and largest step.
    """


def _contradiction(*, step_sizes: tuple[float, float], **_: Any) -> str | None:
    return "step_sizes must be the smallest step, then the largest." if step_sizes[0] > step_sizes[1] else None


declare(rprop, check_options=_contradiction)
