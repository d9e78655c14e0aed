"""A lock on a run folder, held while a process works in it and gone when the process is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textforge.data.locks import lock
from textforge.errors import RecipeError
from textforge.runs.folder import PLAN


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder of a run inside the `with` block.

    The lock is on the file plan.json and belongs to the process, so a process that was killed leaves none behind.
    File systems and platforms without locks get none, nor does a folder without the file.

    Raises:
        RecipeError: another process works in the folder.
    """
    held = lock(folder / PLAN)
    if held is None and (folder / PLAN).exists():
        raise RecipeError(f"{folder}: another process works on this run. Wait for its end.")
    try:
        yield
    finally:
        if held is not None:
            held.release()
