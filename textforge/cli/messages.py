"""Messages on stderr. They never fail: a stderr that is closed or full loses them, and the work goes on."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any

from textforge.errors.escapes import shown_lines


def tell(text: str) -> None:
    """A message on stderr, in which nothing steers the terminal."""
    with suppress(OSError, ValueError):  # ValueError: the stream is closed
        sys.stderr.write(f"{shown_lines(text)}\n")
        sys.stderr.flush()


def open_stderr() -> None:
    """Let nobody's writing to stderr raise: not ours, a plugin's, a library's, nor Python's own when it ends."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (open to the end)
        return
    buffer = getattr(sys.stderr, "buffer", None)
    if buffer is not None:
        given: Any = sys.stderr
        below = Unfailing(getattr(buffer, "raw", buffer))
        sys.stderr = io.TextIOWrapper(below, encoding=given.encoding, errors="backslashreplace", line_buffering=True)


class Unfailing(io.BufferedIOBase):
    """A stream of bytes that takes whatever is written, and loses what the stream below does not take.

    It keeps nothing back: an interrupt just after a write would have a buffer write the same again.
    """

    def __init__(self, below: Any) -> None:
        self._below = below

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._below.fileno())

    def isatty(self) -> bool:
        return bool(self._below.isatty())

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with suppress(OSError, ValueError):
            while rest and (written := self._below.write(rest)):  # None: it is full for now, and does not wait
                rest = rest[written:]
        return size
