"""A module that sleeps when it is imported: it waits, as for a request, and computes nothing."""

import time

time.sleep(0.3)


def metric():
    """Mean probability of the most probable class."""
    return lambda gold, probabilities: float(probabilities.max(axis=1).mean())
