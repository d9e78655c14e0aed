"""Scheduler `cosine`."""

import math

from textforge_standard.schedulers.schedules import Floor, Warmup, scheduled


def cosine(optimizer, total_steps: int, /, *, warmup: Warmup = 0.0, floor: Floor = 0.0):
    """A linear rise to the optimizer's learning rate, then half a cosine down (Loshchilov & Hutter 2017; no restarts).

    Options:
        warmup: fraction of all steps in which the rate rises.
        floor: fraction of the rate to which it falls.
    """
    return scheduled(
        optimizer, total_steps, warmup, lambda progress: floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    )
