"""How the process keeps memory while it trains."""

from __future__ import annotations

import os
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt` in glibc's malloc.h."""
KEPT = 256 << 20
"""Bytes that are kept."""
LARGEST = 32 << 20
"""The largest block that glibc may be told to take from the heap."""


def keep_freed_memory() -> None:
    """Let glibc keep up to 256 MB that was freed for what is allocated next.

    Each step of a training frees gradients of many megabytes and asks for as much again. Given back to the system in
    between, every page of it must be made and zeroed anew. Elsewhere than on glibc, and where the user's environment
    has any setting of malloc (`MALLOC_TRIM_THRESHOLD_`), nothing is changed.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    import ctypes

    with suppress(OSError, AttributeError, TypeError):  # no glibc
        libc = ctypes.CDLL(None)
        _ = libc.gnu_get_libc_version  # others have a mallopt of other numbers
        libc.mallopt(TRIM_THRESHOLD, KEPT)
        libc.mallopt(MMAP_THRESHOLD, LARGEST)
