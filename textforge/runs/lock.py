"""A lock on a run folder, held while a process works in it and gone when the process is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from textforge.errors import RecipeError
from textforge.runs.folder import PLAN


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder of a run inside the `with` block.

    The lock is on the file plan.json and belongs to the process, so a process that was killed leaves none behind.
    File systems and platforms without locks get none.

    Raises:
        RecipeError: another process works in the folder.
    """
    try:
        import fcntl

        number = os.open(folder / PLAN, os.O_RDONLY | os.O_CLOEXEC)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RecipeError(f"{folder}: another process works on this run. Wait for its end.") from error
        yield
    finally:
        os.close(number)
