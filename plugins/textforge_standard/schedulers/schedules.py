"""Shared by the learning-rate schedules: a warm-up followed by a curve."""

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Le

from textforge_standard.ranges import Fraction

Warmup = Fraction
Floor = Annotated[float, Ge(0), Le(1)]


def scheduled(optimizer: Any, total_steps: int, warmup: float, curve: Callable[[float], float]) -> Any:
    """A scheduler with a linear warm-up to the optimizer's learning rates, followed by a curve.

    The learning rates rise linearly during the first `warmup * total_steps` steps. After that they are the optimizer's
    times `curve(progress)`, where progress goes from 0 at the first step after the warm-up to 1 after the last step.
    """
    from torch.optim.lr_scheduler import LambdaLR

    rising = min(round(warmup * total_steps), total_steps - 1)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return curve(min(1.0, (step - rising) / (total_steps - rising)))

    return LambdaLR(optimizer, factor)
