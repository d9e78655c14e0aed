"""What a file of results may replace: nothing without --force, and never the input that is being read."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from textforge.classifiers.storage import is_stream
from textforge.errors import RecipeError


def refuse_overwriting(output: Path) -> None:
    """Refuse a file that is there; devices and pipes are written to.

    Raises:
        RecipeError: `output` exists.
    """
    if output.is_dir():
        raise RecipeError(f"{output}: is a folder. Name a file.")
    if output.exists() and not is_stream(output):
        raise RecipeError(f"{output}: exists already. Name another file, or overwrite it with --force.")


def refuse_own_input(source: IO[Any], output: Path | IO[Any]) -> None:
    """Refuse to write to the file that is read, by whatever name or link either is known.

    Raises:
        RecipeError: both are the same regular file.
    """
    with suppress(OSError, ValueError):  # one of them is no file, or is not there yet
        read = os.fstat(source.fileno())
        written = output.stat() if isinstance(output, Path) else os.fstat(output.fileno())
        if stat.S_ISREG(read.st_mode) and os.path.samestat(read, written):
            name = str(output) if isinstance(output, Path) else "standard output"
            raise RecipeError(f"{name}: is the file that the texts are read from. Write to another one.")
