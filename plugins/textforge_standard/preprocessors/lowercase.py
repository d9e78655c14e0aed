"""Preprocessor `lowercase`."""

from collections.abc import Callable


def lowercase() -> Callable[[str], str]:
    """Lower-case letters of every script, as `str.lower` has them."""
    return str.lower
