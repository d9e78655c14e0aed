"""Preprocessor `lowercase`."""


def lowercase():
    """Lower-case letters of every script, as `str.lower` has them."""
    return str.lower
