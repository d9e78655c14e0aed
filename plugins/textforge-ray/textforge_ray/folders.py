"""Send the contents of a folder in pieces, and write them where they belong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from textforge.errors import new_folder, storage_errors

PIECE = 8 * 2**20
"""Bytes of a piece; a few of them are in memory at a time."""

Piece = tuple[str, bytes | None]
"""Path of a file below the folder, with bytes to append to it; or the path of a folder, and None."""


def pieces(folder: Path) -> Iterator[Piece]:
    """Read every file and folder below a folder; links to files are read as files."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            yield name, None
        elif path.is_file():
            with path.open("rb") as file:
                yield name, file.read(PIECE)
                while piece := file.read(PIECE):
                    yield name, piece


class Received:
    """A folder that is written from pieces under a temporary name, and gets its own at the end."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._stack = ExitStack()
        self._temporary = self._stack.enter_context(new_folder(target))
        self._file: tuple[str, BinaryIO] | None = None

    def add(self, piece: Piece) -> None:
        """Write a piece; the pieces of a file follow each other.

        Raises:
            StorageError: it cannot be written.
            ValueError: it would be outside of the folder.
        """
        name, data = piece
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"a path outside of the folder: {name}")
        path = self._temporary / name
        with storage_errors(self._target):
            if data is None:
                path.mkdir(parents=True, exist_ok=True)
                return
            if self._file is None or self._file[0] != name:
                self._close()
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = (name, path.open("xb"))
            self._file[1].write(data)

    def finish(self, *, exists: bool = True) -> None:
        """Put the folder at its place, in place of one that is there.

        Args:
            exists: whether there is a folder at the other end; without one there is none here, either.

        Raises:
            StorageError: it cannot be written.
        """
        self._close()
        shutil.rmtree(self._target, ignore_errors=True)
        if exists:
            self._stack.close()
        else:
            self.discard()

    def discard(self) -> None:
        """Delete what was received, unless it is finished."""
        if self._file is not None:
            self._file[1].close()
        stop = GeneratorExit()  # `new_folder` then leaves nothing
        with suppress(GeneratorExit):
            self._stack.__exit__(GeneratorExit, stop, None)

    def _close(self) -> None:
        if self._file is not None:
            self._file[1].flush()
            os.fsync(self._file[1].fileno())
            self._file[1].close()
            self._file = None


def unpack(sent: Iterable[Piece], folder: Path) -> None:
    """Write the pieces of a folder to a new one."""
    received = Received(folder)
    try:
        for piece in sent:
            received.add(piece)
        received.finish()
    finally:
        received.discard()
