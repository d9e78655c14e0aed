"""Scheduler `cosine`."""

import math
from typing import Any

from textforge_standard.schedulers.schedules import Floor, Warmup, scheduled


def cosine(optimizer: Any, total_steps: int, /, *, warmup: Warmup = 0.0, floor: Floor = 0.0) -> Any:
    """A linear rise to the optimizer's learning rate, then a cosine decay without restarts (Loshchilov & Hutter 2017).

    Options:
        warmup: fraction of all steps during which the rate rises.
        floor: final rate, as a fraction of the optimizer's.
    """
    return scheduled(
        optimizer, total_steps, warmup, lambda progress: floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    )
