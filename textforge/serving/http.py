"""Requests and answers over ASGI: bounded bodies, queries, errors as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from textforge.errors import cut, did_you_mean, listed
from textforge.serving.limits import Limits
from textforge.serving.stopping import Stopping

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
JSON, LINES = "application/json", "application/x-ndjson"
DRAINED = 2**20
"""Bytes of a refused body that are still read, so that the client sees the answer instead of a reset connection."""
LONGEST = 500
"""Most characters of a message."""
SEEN = 1000
"""Most texts of a request in the access log."""
RETRY_AFTER = {"retry-after": "1"}


_NEVER = Stopping()


class HttpError(Exception):
    """A request that is answered by an error.

    Args:
        status: the status.
        message: a sentence for the caller.
        headers: headers beside those of every answer.
        details: further fields of the error.
    """

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **details: Any) -> None:
        super().__init__(message)
        self.status: int = status
        self.headers: dict[str, str] = dict(headers or {})
        self.details: dict[str, Any] = details
        self.message: str = cut(message, LONGEST)  # a name or a value in it may be as long as the body

    def answer(self) -> Answer:
        error = {"status": self.status, "message": self.message, **self.details}
        return Answer(orjson.dumps({"error": error}) + b"\n", status=self.status, headers=self.headers)


class Disconnected(Exception):  # noqa: N818  (names a state, not an error)
    """The client has gone; nobody waits for the answer."""


@dataclass(slots=True)
class Answer:
    """A complete answer, or a stream if `body` is an asynchronous iterator."""

    body: bytes | AsyncIterator[bytes]
    status: int = 200
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class BodyBudget:
    """The bytes that the bodies of all requests may hold together."""

    most: int
    held: int = 0

    def take(self, size: int) -> None:
        """Account for so many bytes.

        Raises:
            HttpError: 503, there is no room for them.
        """
        if self.held + size > self.most:
            raise HttpError(503, "the server holds too many large requests. Try again.", headers=RETRY_AFTER)
        self.held += size


class Request:
    """A request over ASGI.

    Args:
        scope: of ASGI.
        receive: of ASGI.
        limits: the limits of the server.
        budget: what the bodies of all requests may hold.
    """

    __slots__ = (
        "_held",
        "budget",
        "limits",
        "model",
        "more_body",
        "path",
        "receive",
        "scope",
        "seen",
        "stopping",
        "texts",
    )

    def __init__(self, scope: Mapping[str, Any], receive: Receive, limits: Limits, budget: BodyBudget) -> None:
        self.scope: Mapping[str, Any] = scope
        self.receive: Receive = receive
        self.limits: Limits = limits
        self.budget: BodyBudget = budget
        self.more_body: bool = True
        self.path: str = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        """The path below the place where the application is mounted."""
        self.stopping: Stopping = _NEVER
        self.seen: list[str] = []
        """The first texts, for the access log."""
        self.model: str = ""
        """The model that answered, for the access log."""
        self.texts: int = 0
        """Number of texts, for the access log and the metrics."""
        self._held = 0

    def header(self, name: bytes) -> str:
        """Return the value of a header, or an empty string."""
        for key, value in self.scope["headers"]:
            if key == name:
                found: str = value.decode("latin-1")
                return found
        return ""

    def query(self, known: Iterable[str]) -> dict[str, str]:
        """Return the parameters of the query.

        Raises:
            HttpError: 422, one is not in `known`, or is given twice.
        """
        if not self.scope["query_string"]:
            return {}
        pairs = parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        names = [name for name, _ in pairs]
        for name in names:
            refuse_unknown(name, known, "query parameter")
            if names.count(name) > 1:
                raise HttpError(422, f"the query gives '{name}' {names.count(name)} times. Give it once.")
        return dict(pairs)

    def refuse_query(self) -> None:
        """Raise an `HttpError` 422 if there is a query."""
        if self.scope["query_string"]:
            raise HttpError(422, f"{self.path} takes no query.")

    def answers(self, model: str, texts: Sequence[str]) -> None:
        """Note what is answered, for the log and the metrics."""
        self.model = model
        self.texts += len(texts)
        self.seen += texts[: max(0, SEEN - len(self.seen))]

    def refuse_other_accept(self, media_type: str) -> None:
        """Raise an `HttpError` 406 if the client does not accept this type."""
        accept = self.header(b"accept")
        if accept in ("", "*/*", media_type):
            return
        family = media_type.split("/")[0]
        for one in accept.split(","):
            name, *parameters = (part.strip().lower() for part in one.split(";"))
            refused = any(p.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for p in parameters)
            if name in ("*/*", f"{family}/*", media_type) and not refused:
                return
        raise HttpError(
            406, f"this path answers with {media_type}, which the header Accept excludes.", gives=media_type
        )

    async def body(self) -> bytes:
        """Read the whole body.

        Raises:
            HttpError: 408, 413 or 503, it comes too slowly, is too large, or there is no room for it.
            Disconnected: the client has gone.
        """
        length = self.header(b"content-length")
        if length.isdecimal() and int(length) > self.limits.max_body:
            await self._refuse_large()
        message = await self.receive()  # the body of most requests is here already
        if message["type"] == "http.request" and not message.get("more_body"):
            self.more_body = False
            found: bytes = message.get("body", b"")
            if len(found) > self.limits.max_body:
                await self._refuse_large()
            self.hold(len(found))
            return found
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self.limits.body_timeout):
                while True:
                    chunk = self._chunk(message)
                    size += len(chunk)
                    if size > self.limits.max_body:
                        break
                    self.hold(len(chunk))
                    chunks.append(chunk)
                    if not self.more_body:
                        return b"".join(chunks)
                    message = await self.receive()
        except TimeoutError:
            raise HttpError(
                408,
                f"the body did not arrive within {self.limits.body_timeout:g} seconds.",
                headers={"connection": "close"},
            ) from None
        await self._refuse_large()
        raise AssertionError

    async def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body as it arrives.

        Raises:
            HttpError: 408, no bytes came for too long.
            Disconnected: the client has gone.
        """
        while self.more_body:
            try:
                async with self.stopping.timeout(self.limits.body_timeout):
                    message = await self.receive()
            except TimeoutError:
                if self.stopping.begun:
                    raise HttpError(503, "the server is stopping. Send the lines that have no answer again.",
                                    headers=RETRY_AFTER) from None  # fmt: skip
                waited = f"no bytes of the body arrived for {self.limits.body_timeout:g} seconds."
                raise HttpError(408, waited, headers={"connection": "close"}) from None
            if chunk := self._chunk(message):
                yield chunk

    async def gone(self) -> None:
        """Return when the client has gone; only for a request whose body has been read."""
        while (await self.receive())["type"] != "http.disconnect":
            await asyncio.sleep(1)  # a server may repeat the end of the body without waiting

    def hold(self, size: int) -> None:
        """Account for bytes that are held until `release`."""
        self.budget.take(size)
        self._held += size

    def release(self) -> None:
        """Give back what `hold` took."""
        self.budget.held -= self._held
        self._held = 0

    def _chunk(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.more_body = bool(message.get("more_body"))
        found: bytes = message.get("body", b"")
        return found

    async def _refuse_large(self) -> None:
        self.release()
        limit = self.limits.max_body
        headers = {}
        if self.more_body:
            headers["connection"] = "close"
            if self.header(b"expect").lower() != "100-continue":
                await self._drain()
        raise HttpError(413, f"the body is larger than {limit:,} bytes. Send fewer texts at once, or lines of JSON as "
                             f"{LINES}.", headers=headers, limit=limit)  # fmt: skip

    async def _drain(self) -> None:
        left = DRAINED
        try:
            async with asyncio.timeout(1):
                while self.more_body and left > 0:
                    left -= len(self._chunk(await self.receive()))
        except TimeoutError:
            pass


def refuse_unknown(name: str, known: Iterable[str], what: str) -> None:
    """Raise an `HttpError` 422 if a name is not among the known ones."""
    names = [*known]
    if name not in names:
        raise HttpError(422, f"no {what} '{name[:80]}'.{did_you_mean(name, names)} Known: {listed(names)}.")


def json_answer(value: Any, *, status: int = 200) -> Answer:
    """Answer with a JSON value."""
    return Answer(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) + b"\n", status=status)


async def send_answer(answer: Answer, send: Send, *, head: bool = False) -> None:
    """Send an answer; with `head`, only its headers."""
    headers = [(b"content-type", answer.media_type.encode())]
    headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers.items()]
    body = answer.body
    if isinstance(body, bytes):
        if answer.status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in body:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
