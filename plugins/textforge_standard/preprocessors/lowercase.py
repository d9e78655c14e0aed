"""Preprocessor `lowercase`."""

from collections.abc import Callable


def lowercase() -> Callable[[str], str]:
    """Convert letters of every script to lower case, as `str.lower` does."""
    return str.lower
