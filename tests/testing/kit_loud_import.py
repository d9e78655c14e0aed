"""A module that prints and sets a variable when it is imported, as a plugin's should not."""

import os

print("imported")
os.environ.setdefault("TEXTFORGE_KIT_LOUD", "1")


def metric():
    """Mean probability of the most probable class."""
    return lambda gold, probabilities: float(probabilities.max(axis=1).mean())
