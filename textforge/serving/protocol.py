"""uvicorn's HTTP protocol with limits on time, on the size of heads and on the number of connections.

uvicorn waits for the head of a request as long as the client likes, and for the client to take an answer, too. Its
errors are plain text; ours are JSON.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from textforge.serving.http import HttpError
from textforge.serving.limits import Limits

HEAD = 64 * 2**10
"""Most bytes of the head of a request."""
LINGER = 0.25
"""Seconds from a stop to closing an idle connection, for requests that are on their way."""
ABORT = 5.0
"""Seconds from closing a connection to dropping what the client has not taken."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection. Subclasses set `limits`."""

    limits: Limits = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_bytes = 0
        self._stopping = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(HttpError(503, "too many connections are open. Try again."))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD:
                self._refuse(HttpError(431, f"the head of the request is larger than {HEAD:,} bytes."))
        if self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()  # bytes came, but no whole head

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()
        if self._stopping and self.cycle is not None:
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        self._refuse(HttpError(400, f"this is not a request of HTTP/1.1: {msg}"))

    def shutdown(self) -> None:
        self._stopping = True
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LINGER, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.body_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.header_timeout, self._head_too_slow)

    def _head_too_slow(self) -> None:
        self._head_timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            return  # it answers an earlier request of the connection
        if self._in_head:
            seconds = self.limits.header_timeout
            self._refuse(HttpError(408, f"the head of the request did not arrive within {seconds:g} seconds."))
        else:
            self._close()

    def _refuse(self, error: HttpError) -> None:
        """Answer what is no whole request, and close the connection."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_started:  # a body that breaks the protocol
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or cycle.disconnected:  # else it would break into another answer
            body = error.answer().body
            assert isinstance(body, bytes)
            head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[error.status] + head.encode() + body)
        self._close()

    def _close_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._close()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
            self.loop.call_later(ABORT, self.transport.abort)


def protocol_with(limits: Limits) -> type[LimitedProtocol]:
    """Return the protocol class with these limits, as uvicorn's configuration wants it."""
    return type("Protocol", (LimitedProtocol,), {"limits": limits})
