"""Scheduler `constant`."""

from textforge_standard.schedulers.schedules import Warmup, scheduled


def constant(optimizer, total_steps: int, /, *, warmup: Warmup = 0.0):
    """The optimizer's learning rate throughout, after a linear warm-up if there is one (Goyal et al. 2017).

    Options:
        warmup: fraction of all steps in which the rate rises.
    """
    return scheduled(optimizer, total_steps, warmup, lambda progress: 1.0)
