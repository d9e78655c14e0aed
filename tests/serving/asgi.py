"""Ask an ASGI application in the test's process, as a server would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        error = self.json["error"]
        assert error["status"] == self.status
        return error["message"]

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


@dataclass
class Client:
    """Sends requests to an application."""

    app: Any

    async def ask(
        self,
        target: str,
        body: bytes | Iterable[bytes] | AsyncIterator[bytes] = b"",
        *,
        method: str = "",
        headers: dict[str, str] | None = None,
        on_sent: Callable[[dict[str, Any]], Awaitable[None]] | None = None,
    ) -> Answered:
        """Send a request; a body of several parts arrives part by part, and one that ends early is a disconnect."""
        parts = self._parts([body] if isinstance(body, bytes) else body)
        url = urlsplit(target)
        scope = {
            "type": "http", "method": method or ("GET" if body == b"" else "POST"), "path": url.path, "root_path": "",
            "query_string": url.query.encode(), "client": ("127.0.0.1", 1),
            "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            async for message in parts:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if on_sent is not None:
                await on_sent(message)

        await self.app(scope, receive, send)
        if not sent:
            return Answered(0, {}, b"")
        start, *rest = sent
        assert not rest[-1].get("more_body")
        found = {k.decode(): v.decode() for k, v in start["headers"]}
        return Answered(start["status"], found, b"".join(one["body"] for one in rest))

    @staticmethod
    async def _parts(body: Any) -> AsyncIterator[dict[str, Any]]:
        if hasattr(body, "__aiter__"):
            async for part in body:
                yield _message(part)
        else:
            for part in body[:-1] if isinstance(body, list) else body:
                yield _message(part)
            if isinstance(body, list):
                yield {**_message(body[-1]), "more_body": False}
                return
        yield {"type": "http.request", "body": b"", "more_body": False}

    async def post(self, target: str, value: Any, **options: Any) -> Answered:
        """Send JSON."""
        return await self.ask(target, json.dumps(value).encode(), method="POST", **options)

    def get(self, target: str, **options: Any) -> Answered:
        return asyncio.run(self.ask(target, **options))

    def json(self, target: str, value: Any, **options: Any) -> Answered:
        return asyncio.run(self.post(target, value, **options))

    def send(self, target: str, body: Any, kind: str = "application/json", **options: Any) -> Answered:
        headers = {"content-type": kind, **options.pop("headers", {})}
        return asyncio.run(self.ask(target, body, method="POST", headers=headers, **options))


def _message(part: bytes | None) -> dict[str, Any]:
    if part is None:
        return {"type": "http.disconnect"}
    return {"type": "http.request", "body": part, "more_body": True}
