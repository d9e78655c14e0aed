"""Messages on stderr. Writing never fails: if stderr is closed or full, messages are lost and the command continues."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from textforge.errors import listed
from textforge.errors.escapes import shown_line, shown_lines


def write_message(text: str) -> None:
    """Write a message to stderr, with control characters escaped."""
    with suppress(OSError, ValueError):  # ValueError: the stream is closed
        sys.stderr.write(f"{shown_lines(text)}\n")
        sys.stderr.flush()


def write_warnings(sentences: Iterable[str]) -> None:
    """Write each warning to stderr, on a line of its own."""
    for sentence in sentences:
        write_message(f"warning: {shown_line(sentence)}")


def write_left_out(names: Iterable[str], what: str) -> None:
    """Say which fields or columns the classifier does not read."""
    if found := [*names]:
        write_message(f"the classifier does not read these {what}: {listed(found)}.")


def open_stderr() -> None:
    """Make writes to stderr never raise, whether they come from textforge, a plugin, a library or Python's exit."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (open to the end)
        return
    buffer = getattr(sys.stderr, "buffer", None)
    if buffer is not None:
        given: Any = sys.stderr
        below = Unfailing(getattr(buffer, "raw", buffer))
        sys.stderr = io.TextIOWrapper(below, encoding=given.encoding, errors="backslashreplace", line_buffering=True)


class Unfailing(io.BufferedIOBase):
    """Byte stream that drops data which the underlying stream does not accept.

    It is unbuffered: after an interrupt during a write, a buffer would write the same bytes again.
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
            while rest and (written := self._below.write(rest)):  # None: non-blocking and currently full
                rest = rest[written:]
        return size
