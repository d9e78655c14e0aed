"""Optimizer `lbfgs`."""

from typing import Annotated, Any, Literal

from annotated_types import Ge

from textforge_standard.declare import declare
from textforge_standard.optimizers.of_torch import of_torch
from textforge_standard.ranges import NotNegative, Positive


@of_torch("LBFGS")
def lbfgs(
    params: Any,
    /,
    *,
    lr: Positive = 1.0,
    max_iter: Annotated[int, Ge(1)] = 20,
    max_eval: Annotated[int, Ge(1)] | None = None,
    tolerance_grad: NotNegative = 1e-7,
    tolerance_change: NotNegative = 1e-9,
    history_size: Annotated[int, Ge(1)] = 10,
    line_search_fn: Literal["strong_wolfe"] | None = "strong_wolfe",
) -> Any:
    """L-BFGS (Liu & Nocedal 1989): several passes over each batch, along directions that follow the curvature.

    It is for batches that hold all or most of the texts: curvature is estimated from differences between batches' own
    gradients, which noise spoils. Memory for history_size times 8 bytes per weight is needed.

    Options:
        lr: length of the first step along a direction, as a fraction of the direction.
        max_iter: directions per batch.
        max_eval: forward and backward passes per batch; null is 1.25 times max_iter. A line search may take more.
        tolerance_grad: stop once no gradient is larger.
        tolerance_change: stop once weights or loss change by less.
        history_size: number of earlier steps from which curvature is estimated; torch's default is 100.
        line_search_fn: how the length of a step is found: 'strong_wolfe' searches for one that satisfies the strong
            Wolfe conditions, null takes lr, as is torch's default.
    """


declare(lbfgs, needs_closure=True)
