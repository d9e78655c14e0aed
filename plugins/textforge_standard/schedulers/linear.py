"""Scheduler `linear`."""

from typing import Any

from textforge_standard.schedulers.schedules import Floor, Warmup, scheduled


def linear(optimizer: Any, total_steps: int, /, *, warmup: Warmup = 0.0, floor: Floor = 0.0) -> Any:
    """A linear rise to the optimizer's learning rate, then a linear decay.

    With `warmup: 0.1` it is the schedule of BERT (Devlin et al. 2019).

    Options:
        warmup: fraction of all steps during which the rate rises.
        floor: final rate, as a fraction of the optimizer's.
    """
    return scheduled(optimizer, total_steps, warmup, lambda progress: 1 - (1 - floor) * progress)
