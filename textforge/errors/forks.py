"""Keep a forked process from waiting for threads that it does not have.

`fork` copies the memory of a process, but only the thread that calls it. A library that started a pool of threads
before the fork still believes in it afterwards, and waits for it forever. That is how `gunicorn --preload`, Celery and
the `fork` method of multiprocessing start their workers. torch can do without its pool; polars cannot.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from textforge.errors.exceptions import TextforgeError

_TASKS = Path("/proc/self/task")


class _Process:
    """What is known of the pools of this process."""

    polars_started = False
    """Whether polars had started its threads when this process was last forked."""
    polars_lost = False


def polars_threads_are_lost() -> bool:
    """Whether this process was forked after polars had started its threads, so that polars would wait forever."""
    return _Process.polars_lost


def require_polars_threads() -> None:
    """Check that polars can work in this process.

    Raises:
        TextforgeError: this process was forked after polars had started its threads.
    """
    if _Process.polars_lost:
        raise TextforgeError(
            "this process was forked after polars had started its threads, and does not have them, so polars would "
            "wait forever. Start the process with the method 'spawn', or use textforge after the fork only (gunicorn: "
            "without --preload)."
        )


def _before_fork() -> None:
    _Process.polars_started = _polars_has_threads()


def _in_child() -> None:
    _Process.polars_lost |= _Process.polars_started
    set_threads = getattr(sys.modules.get("torch"), "set_num_threads", None)
    if set_threads is not None:
        set_threads(1)  # with one thread, torch computes in the calling thread and needs no pool


def _polars_has_threads() -> bool:
    """Whether polars has started its pool, which it does when it is first used, not when it is imported."""
    if "polars" not in sys.modules:
        return False
    if not _TASKS.is_dir():  # another system than Linux
        return True
    return any(re.match(r"polars-\d", _name(task)) for task in _TASKS.iterdir())


def _name(task: Path) -> str:
    try:
        return task.joinpath("comm").read_text()
    except OSError:  # the thread has just ended
        return ""


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_child=_in_child)
