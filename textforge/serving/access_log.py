"""The access log: a line of JSON for each request, written by a thread so that a slow disk delays no answer."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from textforge.errors import StorageError

EVERY = 0.2
"""Longest time in seconds that a line waits to be written."""
HELD = 10_000
"""Most lines that wait; further ones are left out and counted."""


class AccessLog:
    """A log to a file, or to standard error.

    The file is opened again when it has been moved, as programs that rotate logs do.

    Args:
        path: the file, to append to; None for standard error.
        texts: whether to write the texts of requests.

    Raises:
        StorageError: the file cannot be opened.
    """

    def __init__(self, path: Path | None = None, *, texts: bool = False) -> None:
        self.texts: bool = texts
        self._path = path
        self._file: int | None = None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._left_out = 0
        self._open()
        self._thread = threading.Thread(target=self._write_all, name="access log", daemon=True)
        self._thread.start()

    def write(self, entry: dict[str, Any]) -> None:
        """Write an entry; never waits and never fails."""
        if self._lines.qsize() >= HELD:
            self._left_out += 1
            return
        if self._left_out:
            entry["left_out_before"], self._left_out = self._left_out, 0
        self._lines.put(orjson.dumps(entry, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._lines.put(None)
        self._thread.join(timeout=2)
        if self._path is not None and self._file is not None:
            os.close(self._file)

    def _write_all(self) -> None:
        ended = False
        while not ended:
            lines = [self._lines.get()]
            if lines[0] is not None and self._lines.qsize() < HELD // 2:
                time.sleep(EVERY)  # one write for many lines
            while not self._lines.empty():
                lines.append(self._lines.get())
            ended = None in lines
            with suppress(OSError, ValueError):
                self._write(b"".join(line for line in lines if line is not None))

    def _write(self, data: bytes) -> None:
        if self._path is None:
            sys.stderr.write(data.decode())
            sys.stderr.flush()
            return
        assert self._file is not None
        own = os.fstat(self._file)
        with suppress(OSError):
            if (os.stat(self._path).st_ino, os.stat(self._path).st_dev) == (own.st_ino, own.st_dev):
                _write_whole(self._file, data)
                return
        os.close(self._file)
        self._open()
        _write_whole(self._file, data)

    def _open(self) -> None:
        if self._path is None:
            return
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be opened for the access log: {error.strerror}.") from error


def _write_whole(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
