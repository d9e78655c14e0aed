"""Protection of existing files: output overwrites nothing without --force, and never its own input."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from textforge.errors import RecipeError
from textforge.errors.temporaries import is_stream


def refuse_overwriting(output: Path, *, force: bool = False) -> None:
    """Refuse to overwrite an existing file. Devices and pipes are allowed, and with `force` files, too.

    Raises:
        RecipeError: `output` is an existing file or a folder.
    """
    if output.is_dir():
        raise RecipeError(f"{output}: is a folder. Name a file.")
    if not force and output.exists() and not is_stream(output):
        raise RecipeError(f"{output}: exists already. Name another file, or overwrite it with --force.")


def refuse_own_input(source: IO[Any], output: Path | IO[Any]) -> None:
    """Refuse to write to the file that is being read, even through another name or link.

    Raises:
        RecipeError: both are the same regular file.
    """
    with suppress(OSError, ValueError):  # one of them is not a file, or does not exist yet
        read = os.fstat(source.fileno())
        written = output.stat() if isinstance(output, Path) else os.fstat(output.fileno())
        if stat.S_ISREG(read.st_mode) and os.path.samestat(read, written):
            name = str(output) if isinstance(output, Path) else "standard output"
            raise RecipeError(f"{name}: is the input file. Write to another file.")
