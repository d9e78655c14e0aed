"""Metrics that break what every component is held to. This module is as light as a plugin's should be."""

import logging
import os
import random
import warnings

USES = []


def confidence(gold, probabilities):
    return float(probabilities.max(axis=1).mean())


def good():
    """Mean probability of the most probable class."""
    return confidence


def undocumented():
    return confidence


def silent_option(*, power: float = 1.0):
    """Mean power of the highest probability."""
    return confidence


def untyped_option(*, power=1.0):
    """Mean power of the highest probability.

    Options:
        power: what it is raised to.
    """
    return confidence


def failing():
    """A metric that fails at once."""

    def metric(gold, probabilities):
        raise ValueError("no such thing")

    return metric


def needing(*, power: float):
    """A metric with an option that has no default.

    Options:
        power: what it is raised to.
    """
    return confidence


def doing(what):
    """A metric that does something besides."""

    def metric(gold, probabilities):
        what()
        return confidence(gold, probabilities)

    return metric


def printing():
    """It prints."""
    return doing(lambda: print("measuring"))


def printing_past_python():
    """It prints by the file descriptor, as a C library does."""
    return doing(lambda: os.write(2, b"measuring\n"))


def warning():
    """It warns."""
    return doing(lambda: warnings.warn("this is not what you want", UserWarning, stacklevel=2))


def drawing():
    """It draws from Python's global generator."""
    return doing(random.random)


def seeding():
    """It seeds numpy's global generator."""

    def seed():
        import numpy as np

        np.random.seed(0)

    return doing(seed)


def drawing_of_torch():
    """It draws from torch's global generator."""

    def draw():
        import torch

        torch.rand(3)

    return doing(draw)


def of_torch(name, *arguments):
    def change():
        import torch

        getattr(torch, name)(*arguments)

    return doing(change)


def one_thread():
    """It lets torch have one thread."""
    return of_torch("set_num_threads", 1)


def many_threads():
    """It lets torch have many threads."""
    return of_torch("set_num_threads", 7)


def double_precision():
    """It changes the default dtype."""
    import torch

    return of_torch("set_default_dtype", torch.float64)


def setting_a_variable():
    """It sets an environment variable."""
    return doing(lambda: os.environ.update(TEXTFORGE_KIT_TEST="1"))


def changing_the_folder():
    """It changes the working directory."""
    return doing(lambda: os.chdir("/"))


def configuring_logging():
    """It configures the root logger."""
    return doing(lambda: logging.getLogger().setLevel(logging.DEBUG))


def silencing_warnings():
    """It changes the filters of warnings."""
    return doing(lambda: warnings.simplefilter("ignore"))


def counting():
    """It counts its uses, over all that are built."""

    def metric(gold, probabilities):
        USES.append(1)
        return float(len(USES))

    return metric


def hashing():
    """It rests on hashes of texts."""
    return lambda gold, probabilities: float(hash("text") % 1000003)
