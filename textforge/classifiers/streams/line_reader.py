"""Lines of text as they come, in chunks of bounded size: as much as is there, and never more than is taken."""

from __future__ import annotations

import os
import select
import stat
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, TypeVar

from textforge.classifiers.streams.text_lines import (
    Unreadable as Unreadable,
    open_input as open_input,
    read_line_by_line,
    read_lines as read_lines,
)
from textforge.errors import DataError

CHUNK = 1024
"""Most texts of a chunk."""
CHUNK_BYTES = 1 << 22
"""Bytes after which a chunk ends, whatever texts it has."""
READ = 1 << 16
"""Most bytes read at once."""
BACKLOG = 2
"""Chunks that may wait between two stages of the work."""

T = TypeVar("T")


def chunked(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in chunks of at most CHUNK, and of little more than CHUNK_BYTES characters."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if len(chunk) == CHUNK or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class LineReader:
    """The texts of a stream of lines, as `read_lines` reads them, in chunks.

    A file's chunks are full, the same every time. From a pipe or a terminal a chunk has the lines that are there,
    be it one: whoever waits for its answer gets it. While a chunk is worked on the next lines are read, but no more
    than a chunk of them, so that whoever writes faster waits.

    Args:
        stream: the bytes.
        name: what messages call it.
        json_lines: whether lines are JSON.
        mark: whether a line that cannot be read becomes an `Unreadable`, instead of the end.
    """

    def __init__(self, stream: BinaryIO, name: str, *, json_lines: bool = False, mark: bool = False) -> None:
        blocks = _blocks(stream)
        self._ahead = None if _is_file(stream) else Ahead(blocks, CHUNK_BYTES // READ, waits_for_others=True)
        self._blocks = self._ahead or blocks
        self._lines: deque[bytes] = deque()
        self._rest: list[bytes] = []
        self._texts = read_line_by_line(self._all_lines(), name, json_lines=json_lines, mark=mark)

    def __iter__(self) -> Iterator[list[str | Unreadable]]:
        """The chunks.

        Raises:
            DataError: as `read_lines`, after a chunk of the lines before.
        """
        failed: DataError | None = None
        ended = False
        while failed is None and not ended:
            chunk: list[str | Unreadable] = []
            size = 0
            try:
                while len(chunk) < CHUNK and size < CHUNK_BYTES and (not chunk or self._ready()):
                    text = next(self._texts)
                    if text is None:  # a blank line of JSON
                        continue
                    chunk.append(text)
                    size += len(text) if isinstance(text, str) else len(text.reason)
            except StopIteration:
                ended = True
            except DataError as error:
                failed = error
            if chunk:
                yield chunk
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Whoever waits for a chunk is told that there is none."""
        if self._ahead is not None:
            self._ahead.close()

    def _all_lines(self) -> Iterator[bytes]:
        while True:
            while self._lines:
                yield self._lines.popleft()
            block = next(self._blocks, None)
            if block is not None:
                self._cut(block)
            elif self._rest:
                self._lines.append(b"".join(self._rest))
                self._rest = []
            else:
                return

    def _ready(self) -> bool:
        """Whether the next line, or the end, is there, or is to be waited for because it is in a file."""
        if self._ahead is None:
            return True
        while not self._lines and self._ahead.ready():
            block = next(self._blocks, None)
            if block is None:
                return True
            self._cut(block)
        return bool(self._lines)

    def _cut(self, block: bytes) -> None:
        lines = block.split(b"\n")
        for end in lines[:-1]:
            self._lines.append(b"".join((*self._rest, end)))
            self._rest = []
        if lines[-1]:
            self._rest.append(lines[-1])


class Ahead(Iterator[T]):
    """What an iterator gives, taken from it by a thread of its own, at most `most` before it is asked for.

    Close it when no more is wanted: this waits until the thread has ended, unless the iterator is one that waits
    for others, which may be for ever.
    """

    def __init__(self, items: Iterable[T], most: int = BACKLOG, *, waits_for_others: bool = False) -> None:
        self._items, self._most, self._endless = items, most, waits_for_others
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._take, daemon=True, name="textforge-ahead")
        self._thread.start()

    def __next__(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._failed is not None:
                failed, self._failed = self._failed, None
                raise failed
            raise StopIteration

    def ready(self) -> bool:
        """Whether the next item, or the end, is there."""
        return bool(self._waiting) or self._ended

    def close(self) -> None:
        """No more is taken; whoever waits for an item is told that there is none."""
        with self._changed:
            self._closed = self._ended = True
            self._changed.notify_all()
        if not self._endless:
            self._thread.join()

    def _take(self) -> None:
        failed = None
        try:
            for item in self._items:
                with self._changed:
                    if not self._closed:
                        self._waiting.append(item)
                        self._changed.notify_all()
                    self._changed.wait_for(lambda: len(self._waiting) < self._most or self._closed)
                    if self._closed:
                        break
        except BaseException as error:  # raised anew where the items are taken
            failed = error
        with self._changed:
            self._failed, self._ended = failed, True
            self._changed.notify_all()


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """What there is of a stream, as soon as it is there."""
    # Below the buffer, whose lock no thread may hold while Python ends.
    raw: Any = getattr(stream, "raw", None)
    raw = stream if raw is None else raw
    while (block := raw.read(READ)) != b"":
        if block is None:  # nothing is there yet, and whoever made the pipe said not to wait
            select.select([raw], [], [])
        else:
            yield block


def _is_file(stream: BinaryIO) -> bool:
    """Whether it is a regular file, or bytes in memory: nothing is to be waited for."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return True
