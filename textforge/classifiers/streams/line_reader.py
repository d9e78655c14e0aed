"""Read lines of text in bounded chunks as they become available, without reading far ahead of the consumer."""

from __future__ import annotations

import os
import select
import stat
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, TypeVar

from textforge.classifiers.streams.text_lines import (
    JsonFields,
    Unreadable as Unreadable,
    open_input as open_input,
    read_line_by_line,
    read_lines as read_lines,
)
from textforge.errors import DataError

CHUNK = 1024
"""Maximum number of texts per chunk."""
CHUNK_BYTES = 1 << 22
"""Size in bytes at which a chunk ends, however few texts it has."""
READ = 1 << 16
"""Read size, in bytes."""
BACKLOG = 2
"""Maximum number of chunks that wait between two pipeline stages."""
LOOK = 0.25
"""Seconds after which a waiting thread looks for signals. polars handles SIGINT so that it no longer ends a wait."""

T = TypeVar("T")


def chunked(texts: Iterable[str]) -> Iterator[list[str]]:
    """Group texts into chunks of at most CHUNK texts; a chunk ends once it has CHUNK_BYTES characters."""
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
    """Iterate over the texts of a stream of lines in chunks; each line is read as `read_lines` does.

    Chunks of a file are full and the same every time. A chunk of a pipe or a terminal holds the lines available now,
    even if only one, so that an interactive caller gets its result immediately. A thread reads ahead by at most one
    chunk while the previous one is processed; a faster writer has to wait.

    Args:
        stream: the bytes.
        name: the name of the stream, for error messages.
        json_lines: whether each line is JSON.
        mark: whether a line that cannot be read becomes an `Unreadable` instead of raising.
    """

    def __init__(self, stream: BinaryIO, name: str, *, json_lines: bool = False, mark: bool = False) -> None:
        blocks = _blocks(stream)
        self._ahead = None if is_file(stream) else Ahead(blocks, CHUNK_BYTES // READ, waits_for_others=True)
        self._blocks = self._ahead or blocks
        self._lines: deque[bytes] = deque()
        self._rest: list[bytes] = []
        self.json_lines: bool = json_lines
        self.fields: JsonFields = JsonFields()
        """What is read from JSON objects beside their texts; set its columns before the first chunk is read."""
        self._texts = read_line_by_line(self._all_lines(), name, json_lines=json_lines, mark=mark, fields=self.fields)

    def __iter__(self) -> Iterator[list[str | Unreadable]]:
        """Iterate over the chunks.

        Raises:
            DataError: as for `read_lines`; the lines before the faulty one are yielded first.
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
        """Stop reading; a thread that waits for a chunk sees the end of the stream."""
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
        """Whether the next line or the end is available without blocking; always True for a file."""
        if self._ahead is None:
            return True
        while not self._lines and self._ahead.ready():
            block = next(self._blocks, None)
            if block is None:
                return True
            self._cut(block)
        return bool(self._lines)

    def _cut(self, block: bytes) -> None:
        """Split a block at newlines, and keep the unfinished last line in `_rest`."""
        lines = block.split(b"\n")
        for end in lines[:-1]:
            self._lines.append(b"".join((*self._rest, end)))
            self._rest = []
        if lines[-1]:
            self._rest.append(lines[-1])


class Ahead(Iterator[T]):
    """An iterator that reads ahead from another one in a background thread.

    Close it after use. `close` waits for the thread to end, unless `waits_for_others` is set.

    Args:
        items: the iterator to read from.
        most: maximum number of items to read ahead.
        waits_for_others: whether `items` may block forever, for instance on a pipe.
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
            while not self._changed.wait_for(lambda: self._waiting or self._ended, timeout=LOOK):
                pass
            if self._waiting:
                self._changed.notify_all()
                return self._waiting.popleft()
            if self._failed is not None:
                failed, self._failed = self._failed, None
                raise failed
            raise StopIteration

    def ready(self) -> bool:
        """Whether the next item or the end is available without blocking."""
        return bool(self._waiting) or self._ended

    def close(self) -> None:
        """Stop reading; a thread that waits for an item sees the end of the iterator."""
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
        except BaseException as error:  # re-raised in the consumer's thread
            failed = error
        with self._changed:
            self._failed, self._ended = failed, True
            self._changed.notify_all()


class LiveBytes:
    """A pipe or a terminal as a stream to read, which gives what is available and can be closed from another thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._ahead = Ahead(_blocks(stream), CHUNK_BYTES // READ, waits_for_others=True)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most READ of them whatever `size` is; nothing at the end or after `close`."""
        return next(self._ahead, b"")

    def close(self) -> None:
        """Stop reading; a thread that waits for bytes sees the end of the stream."""
        self._ahead.close()


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Iterate over blocks of bytes as soon as they are available."""
    # Bypass the buffer: a thread that holds its lock while Python shuts down causes a fatal error.
    raw: Any = getattr(stream, "raw", None)
    raw = stream if raw is None else raw
    while (block := raw.read(READ)) != b"":
        if block is None:  # no data yet on a non-blocking pipe
            select.select([raw], [], [])
        else:
            yield block


def is_file(stream: BinaryIO) -> bool:
    """Whether the stream is a regular file or bytes in memory, so that reading never blocks."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return True
