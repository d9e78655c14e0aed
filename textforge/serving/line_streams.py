"""Lines of JSON in, lines of JSON out, in bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import orjson

from textforge.serving.asked import text_of
from textforge.serving.computing import Computing
from textforge.serving.http import HttpError, Request
from textforge.serving.models import ServedModel


class LineSplitter:
    """Cut a body into lines as its bytes arrive.

    Args:
        longest: most bytes of a line. A longer one becomes None; its bytes are not held.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun: list[bytes] = []
        self._size = 0

    def lines(self, chunk: bytes) -> Iterator[bytes | None]:
        """Iterate over the lines that a chunk completes."""
        *ended, last = chunk.split(b"\n")
        for line in ended:
            self._add(line)
            yield self._line()
        self._add(last)

    def rest(self) -> Iterator[bytes | None]:
        """The last line, if it has no end."""
        if self._size:
            yield self._line()

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._longest:
            self._begun.clear()
        elif part:
            self._begun.append(part)

    def _line(self) -> bytes | None:
        line = b"".join(self._begun) if self._size <= self._longest else None
        self._begun.clear()
        self._size = 0
        return line


async def answer_lines(
    request: Request, model: ServedModel, limit: int | None, computing: Computing
) -> AsyncIterator[bytes]:
    """Answer each line by a line, in order, while the body arrives.

    At most a batch of lines is held. The body is read on when their answers are taken.

    Args:
        request: the request.
        model: the model of all lines, even if it is replaced meanwhile.
        limit: number of most probable labels to give; None for all.
        computing: where to compute.
    """
    lines, number = LineSplitter(request.limits.max_body), 0
    batch: list[str | HttpError] = []
    size = computing.predicting.max_batch
    try:
        async for chunk in request.chunks():
            for line in lines.lines(chunk):
                number += 1
                if (one := _text(line, number, model, request.limits.max_body)) is not None:
                    batch.append(one)
                if len(batch) >= size:
                    yield await _answered(request, batch, model, limit, computing)
                    batch = []
            if batch:
                yield await _answered(request, batch, model, limit, computing)
                batch = []
        for line in lines.rest():
            if (one := _text(line, number + 1, model, request.limits.max_body)) is not None:
                yield await _answered(request, [one], model, limit, computing)
    except HttpError as error:  # the answer has begun, so the status cannot change any more
        yield _error_line(error)


def _text(line: bytes | None, number: int, model: ServedModel, longest: int) -> str | HttpError | None:
    """The text of a line, or its error; None if it is blank."""
    if line is None:
        return HttpError(413, f"line {number} is longer than {longest:,} bytes.", line=number)
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        return None
    try:
        return text_of(orjson.loads(line), model, f"line {number}")
    except orjson.JSONDecodeError as error:
        return HttpError(400, f"line {number} is not JSON: {error}.", line=number)
    except HttpError as error:
        error.details["line"] = number
        return error


async def _answered(
    request: Request, batch: list[str | HttpError], model: ServedModel, limit: int | None, computing: Computing
) -> bytes:
    texts = [one for one in batch if isinstance(one, str)]
    found = iter(await computing.predictions(model, texts, limit, None) if texts else ())
    request.answers(model.key, texts)
    return b"".join(f"{next(found)}\n".encode() if isinstance(one, str) else _error_line(one) for one in batch)


def _error_line(error: HttpError) -> bytes:
    body = error.answer().body
    assert isinstance(body, bytes)
    return body
