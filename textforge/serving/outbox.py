"""Hand what a thread writes to the event loop that sends it, in bounded memory."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from textforge.serving.http import Disconnected

PIECE = 1 << 16
"""Bytes that are sent at once."""
WAITING = 8
"""Pieces that wait for the client; then the thread waits."""


class Outbox:
    """Hands pieces from the thread that writes a table to the one that sends it; waits while many are unsent.

    Args:
        events: whether the client gets lines of JSON, with the table in base64; else the bytes of the table alone.
        patience: seconds to wait for a client that takes nothing; then nobody waits for the table any more.
    """

    def __init__(self, *, events: bool, patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(WAITING)
        self._events, self._patience, self._closed = events, patience, False
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> int:
        """Take bytes of the table."""
        self._held.append(bytes(data))
        self._size += len(data)
        if self._size >= PIECE:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Pass on what was written."""
        data, self._held, self._size = b"".join(self._held), [], 0
        if data and self._events:
            self.tell({"data": base64.b64encode(data).decode()})
        elif data:
            self._put(data)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Pass on an event, if the client wants events."""
        if self._events:
            self._put(orjson.dumps(event) + b"\n")

    def end(self, error: Exception | None = None) -> None:
        """Say that nothing follows, or why."""
        if error is not None and self._events:
            self.tell({"failed": {"message": str(error)}})
            error = None
        self._put(error)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Iterate over what is to be sent.

        Raises:
            Disconnected: `close` was called, or the client took nothing for too long.
        """
        while (piece := await self._waiting.get()) is not None and not self._closed:
            if isinstance(piece, Exception):
                raise piece
            yield piece
        if self._closed:
            raise Disconnected

    def close(self) -> None:
        """Let the thread end at its next piece."""
        self._closed = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)  # for one that waits

    def _put(self, piece: bytes | Exception | None) -> None:
        if self._closed or self._loop.is_closed():
            raise Ended
        sent = asyncio.run_coroutine_threadsafe(self._waiting.put(piece), self._loop)
        deadline = time.monotonic() + self._patience
        while True:
            with suppress(TimeoutError):
                return sent.result(0.5)
            if self._closed or self._loop.is_closed():
                raise Ended
            if time.monotonic() > deadline:
                self._loop.call_soon_threadsafe(self.close)
                raise Ended


class Ended(Exception):  # noqa: N818  (names a state, not an error)
    """Nobody waits for the table any more."""
