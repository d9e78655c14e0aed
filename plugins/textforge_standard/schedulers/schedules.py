"""What the learning-rate schedules share: a warm-up, and a curve after it."""

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Le, Lt

Warmup = Annotated[float, Ge(0), Lt(1)]
Floor = Annotated[float, Ge(0), Le(1)]


def scheduled(optimizer: Any, total_steps: int, warmup: float, curve: Callable[[float], float]) -> Any:
    """A scheduler whose optimizer's learning rates are the peak.

    They rise linearly in the first `warmup` of all steps; from then on they are the peak times
    `curve(progress)`, progress going from 0 at the first step after the warm-up to 1 after the last of all.
    """
    from torch.optim.lr_scheduler import LambdaLR

    rising = min(round(warmup * total_steps), total_steps - 1)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return curve(min(1.0, (step - rising) / (total_steps - rising)))

    return LambdaLR(optimizer, factor)
