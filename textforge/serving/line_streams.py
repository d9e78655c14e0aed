"""Lines of JSON in, lines of JSON out, in bounded memory."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

import orjson

from textforge.serving.asked import text_of
from textforge.serving.computing import Computing
from textforge.serving.http import HttpError, Request
from textforge.serving.models import ServedModel

Line = tuple[int, "str | HttpError"]
"""The number of a line, from 1, and its text or its error."""


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
    batch: list[Line] = []
    size = computing.predicting.max_batch

    async def answered() -> bytes:
        found = await _answered(batch, functools.partial(computing.predictions, model, limit=limit, gone=None))
        request.answers(model.key, [text for _, text in batch if isinstance(text, str)])
        batch.clear()
        return found

    try:
        async for chunk in request.chunks():
            for line in lines.lines(chunk):
                number += 1
                if (text := _text(line, number, model, request.limits.max_body)) is not None:
                    batch.append((number, text))
                if len(batch) >= size:
                    yield await answered()
            if batch:
                yield await answered()
        for line in lines.rest():
            if (text := _text(line, number + 1, model, request.limits.max_body)) is not None:
                batch.append((number + 1, text))
                yield await answered()
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


async def _answered(batch: Sequence[Line], predicted: Callable[[list[str]], Awaitable[list[str]]]) -> bytes:
    """Answer lines. If the classifier fails, answer each alone, so that one text does not fail the others.

    Raises:
        HttpError: 503.
    """
    texts = [text for _, text in batch if isinstance(text, str)]
    try:
        found = iter(await predicted(texts) if texts else ())
    except HttpError as error:
        if error.status == 503:
            raise
        if len(batch) > 1:
            return b"".join([await _answered([line], predicted) for line in batch])
        error.details["line"] = batch[0][0]
        return _error_line(error)
    return b"".join(f"{next(found)}\n".encode() if isinstance(text, str) else _error_line(text) for _, text in batch)


def _error_line(error: HttpError) -> bytes:
    body = error.answer().body
    assert isinstance(body, bytes)
    return body
