"""Scheduler `linear`."""

from textforge_standard.schedulers.schedules import Floor, Warmup, scheduled


def linear(optimizer, total_steps: int, /, *, warmup: Warmup = 0.0, floor: Floor = 0.0):
    """A linear rise to the optimizer's learning rate, then a linear fall; BERT's (Devlin et al. 2019) with warmup: 0.1.

    Options:
        warmup: fraction of all steps in which the rate rises.
        floor: fraction of the rate to which it falls.
    """
    return scheduled(optimizer, total_steps, warmup, lambda progress: 1 - (1 - floor) * progress)
