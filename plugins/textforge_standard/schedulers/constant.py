"""Scheduler `constant`."""

from typing import Any

from textforge_standard.schedulers.schedules import Warmup, scheduled


def constant(optimizer: Any, total_steps: int, /, *, warmup: Warmup = 0.0) -> Any:
    """The optimizer's constant learning rate, after an optional linear warm-up (Goyal et al. 2017).

    Options:
        warmup: fraction of all steps during which the rate rises.
    """
    return scheduled(optimizer, total_steps, warmup, lambda progress: 1.0)
