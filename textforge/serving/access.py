"""Who may ask: the API key, and pages of other origins (CORS)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from textforge.errors import RecipeError
from textforge.serving.http import Answer, HttpError, Request

HEADERS = "authorization, content-type, x-api-key"
"""Headers of requests that pages of other origins may send."""
MAX_AGE = "600"


class ApiKey:
    """A key that requests must give, compared in constant time.

    Args:
        key: the key.

    Raises:
        RecipeError: it is empty, or is not printable ASCII without spaces.
    """

    def __init__(self, key: str) -> None:
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise RecipeError("the API key must be one or more printable ASCII characters without spaces.")
        self._key = key.encode()

    def check(self, request: Request) -> None:
        """Raise an `HttpError` 401 unless the request gives the key."""
        given = request.header(b"x-api-key")
        if not given:
            scheme, _, rest = request.header(b"authorization").partition(" ")
            given = rest.strip() if scheme.lower() == "bearer" else ""
        if not hmac.compare_digest(given.encode("latin-1"), self._key):
            wrong = "is wrong" if given else "is missing"
            raise HttpError(
                401, f"the API key {wrong}. Give it as the header Authorization: Bearer KEY, or X-API-Key: KEY.",
                headers={"www-authenticate": "Bearer"},
            )  # fmt: skip


class Cors:
    """Origins whose pages may read answers.

    Args:
        origins: such as https://example.org; `*` for all.

    Raises:
        RecipeError: one is not an origin.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        for origin in origins:
            scheme, found, rest = origin.partition("://")
            if origin != "*" and (not found or not scheme or not rest or "/" in rest or not origin.isascii()):
                raise RecipeError(f"--cors {origin!r}: must be an origin such as https://example.org, or *.")
        self._all = "*" in origins
        self._origins = {origin.lower() for origin in origins}

    def headers(self, request: Request) -> dict[str, str]:
        """The headers of an answer that let a page read it."""
        origin = request.header(b"origin")
        if self._all:
            return {"access-control-allow-origin": "*"}
        if origin.lower() in self._origins:
            return {"access-control-allow-origin": origin, "vary": "Origin"}
        return {"vary": "Origin"}

    def preflight(self, request: Request, allow: str) -> Answer | None:
        """Answer a browser that asks whether a page may send a request; None if this is not such a request."""
        if request.scope["method"] != "OPTIONS" or not request.header(b"access-control-request-method"):
            return None
        headers = {"access-control-allow-methods": allow, "access-control-allow-headers": HEADERS,
                   "access-control-max-age": MAX_AGE, "allow": allow}  # fmt: skip
        return Answer(b"", 204, headers=headers)
