"""Memory allocation of the process during training."""

from __future__ import annotations

import os
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt` in glibc's malloc.h."""
KEPT = 256 << 20
"""Freed memory that glibc keeps for reuse, in bytes."""
LARGEST = 32 << 20
"""The largest mmap threshold that glibc accepts, in bytes."""


def keep_freed_memory() -> None:
    """Let glibc keep up to 256 MiB of freed memory for reuse.

    Each training step frees gradients of many megabytes and allocates as much again. If glibc returned that memory to
    the system, every page would have to be mapped and zeroed again. Does nothing without glibc, or if the environment
    sets any malloc option (such as `MALLOC_TRIM_THRESHOLD_`).
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    import ctypes

    with suppress(OSError, AttributeError, TypeError):  # no glibc
        libc = ctypes.CDLL(None)
        _ = libc.gnu_get_libc_version  # other C libraries number the parameters of mallopt differently
        libc.mallopt(TRIM_THRESHOLD, KEPT)
        libc.mallopt(MMAP_THRESHOLD, LARGEST)
