"""`POST /predict/table`: a table in, the same table with answers out, in bounded memory.

The body is stored in a file before the first row is answered. Browsers send a body to its end before they read an
answer, so a server that answered while it reads would wait for them as they wait for it. The file also gives formats
that need random access what they need.
"""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import Any, BinaryIO
from urllib.parse import parse_qs, quote

from textforge.components.manager import PluginManager
from textforge.errors import Scratch, TextforgeError
from textforge.runs.tables import TableFormats, TextColumnError
from textforge.serving.answered_table import AnsweredTable, TableOptions
from textforge.serving.asked import found_model
from textforge.serving.http import (
    LINES,
    RETRY_AFTER,
    Answer,
    HttpError,
    Request,
    json_answer,
    refuse_unknown,
)
from textforge.serving.limits import Limits
from textforge.serving.models import Models, ServedModel
from textforge.serving.outbox import Ended, Outbox

log: logging.Logger = logging.getLogger("textforge.serving")
OPTIONS = ("separator", "encoding", "sheet")
"""Query parameters that are options of the dataset that reads the table."""
KNOWN = ("model", "filename", "format", "write", "text", "prefix", "top", "preview", *OPTIONS)
NAMES = {"--text": "text=…", "--set encoding=…": "encoding=…", "dataset.separator: ": "separator="}
"""What messages for the command line name, and its name in a query."""
SLOWEST = 1 << 16
"""Bytes per second that a table must arrive with, since it keeps others waiting."""
CLOSE = {"connection": "close"}
MOST_SHOWN = 50
"""Most rows of a preview."""
LONGEST_NAME = 200
"""Characters of a file name that are used."""


class TablePredictions:
    """Answers tables, a few at a time.

    Args:
        models: the models.
        limits: how large a table may be, and how many are answered at the same time.
    """

    def __init__(self, models: Models, limits: Limits) -> None:
        self.models: Models = models
        self.limits: Limits = limits
        self._running = 0
        self._threads = ThreadPoolExecutor(limits.tables, thread_name_prefix="textforge-table")

    @cached_property
    def formats(self) -> TableFormats:
        """The installed formats of tables, looked up when the first table comes."""
        return TableFormats(PluginManager())

    async def answer(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            HttpError: 404, 413, 422 or 503; a query parameter, the model or the table is wrong, or others are being
                answered.
        """
        query = _query(request)
        options, preview = _options(query), _number(query, "preview", MOST_SHOWN)
        model = found_model(self.models, _single(query, "model"))
        request.model = model.key
        events = LINES in request.header(b"accept")
        if self._running >= self.limits.tables:
            raise HttpError(503, f"{self._running} tables are being answered. Try again later.", headers=RETRY_AFTER)
        self._running += 1
        job = _Job(self, Scratch())
        try:
            file = await job.stored(request)
            table = await job.opened(model, file, options)
            if preview:
                return json_answer(await job.run(table.preview, preview))
        except BaseException:
            job.close()
            raise
        finally:
            if preview:
                job.close()
        return _answer(request, job, table, events)

    def ended(self) -> None:
        """Make room for another table."""
        self._running -= 1

    def run(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """Call a function in a thread of its own."""
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def close(self) -> None:
        """End the threads; what runs ends at its next piece."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Job:
    """A table that is being answered, with its file; `close` is called once nobody works on it."""

    def __init__(self, tables: TablePredictions, scratch: Scratch) -> None:
        self.tables, self.scratch = tables, scratch
        self.file: BinaryIO | None = None
        self.closed = False

    async def stored(self, request: Request) -> BinaryIO:
        """Store the body in a file.

        Raises:
            HttpError: 408, 413 or 503, it comes too slowly, is too large, or the disk has no room for it.
        """
        most, size, began = self.tables.limits.max_table, 0, time.monotonic()
        self.file = file = (self.scratch.path / "table").open("w+b")
        async for chunk in request.chunks():
            size += len(chunk)
            if size > most:
                message = f"the table is larger than {most:,} bytes. Send it in parts."
                raise HttpError(413, message, headers=CLOSE, limit=most)
            if time.monotonic() - began > request.limits.body_timeout + size / SLOWEST:
                message = f"the table arrives more slowly than {SLOWEST:,} bytes per second."
                raise HttpError(408, message, headers=CLOSE)
            try:
                file.write(chunk)
            except OSError as error:
                raise HttpError(503, f"the server cannot store the table: {error.strerror}.") from error
        file.seek(0)
        return file

    async def opened(self, model: ServedModel, file: BinaryIO, options: TableOptions) -> AnsweredTable:
        """Open the table.

        Raises:
            HttpError: 422, it cannot be read so.
        """
        found: AnsweredTable = await self.run(
            AnsweredTable, model.classifier, model.path, file, options, self.tables.formats
        )
        return found

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a thread.

        Raises:
            HttpError: 422, the table cannot be read.
        """
        try:
            return await self.tables.run(function, *arguments)
        except TextforgeError as error:
            raise _refusal(error) from error

    def close(self, *_: object) -> None:
        """Delete the file."""
        if not self.closed:
            self.closed = True
            if self.file is not None:
                self.file.close()
            self.scratch.close()
            self.tables.ended()


def _answer(request: Request, job: _Job, table: AnsweredTable, events: bool) -> Answer:
    """The answer, which is computed as it is sent."""
    try:
        table.refuse_taken()
    except TextforgeError as error:
        job.close()
        raise _refusal(error) from error
    outbox = Outbox(events=events, patience=request.limits.body_timeout)

    def write() -> None:
        with suppress(Ended):
            try:
                request.texts = table.write(outbox)
            except TextforgeError as error:
                outbox.end(_refusal(error))
            except Ended:
                raise
            except Exception:
                log.exception("a table could not be answered")
                outbox.end(HttpError(500, "the server failed; its log says why."))
            else:
                outbox.end()

    asyncio.ensure_future(job.tables.run(write)).add_done_callback(job.close)
    body = _sent(request, outbox)
    weakref.finalize(body, outbox.close)  # even if the body is never asked for
    if events:
        return Answer(body, media_type=LINES)
    name = table.about()["filename"]
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Answer(body, media_type=media_type, headers=headers)


async def _sent(request: Request, outbox: Outbox) -> AsyncIterator[bytes]:
    """Iterate over what a thread writes until it ends or the client has gone."""
    gone = asyncio.ensure_future(request.gone())
    gone.add_done_callback(lambda _: outbox.close())
    try:
        async for piece in outbox.pieces():
            yield piece
    finally:
        gone.cancel()
        outbox.close()


def _query(request: Request) -> dict[str, list[str]]:
    """The parameters of the query; `text` may be given several times.

    Raises:
        HttpError: 422, one is unknown, or another one is given twice.
    """
    found = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    for name, values in found.items():
        refuse_unknown(name, KNOWN, "query parameter")
        if len(values) > 1 and name != "text":
            raise HttpError(422, f"the query gives '{name}' {len(values)} times. Give it once.")
    return found


def _options(query: Mapping[str, list[str]]) -> TableOptions:
    name = (_single(query, "filename") or "table.csv").replace("\\", "/").rpartition("/")[2]
    name = "".join(c if c.isprintable() else "_" for c in name[-LONGEST_NAME:]) or "table.csv"
    given = {option: value for option in OPTIONS if (value := _single(query, option)) is not None}
    return TableOptions(
        filename=name, form=_single(query, "format"), written=_single(query, "write"),
        texts=tuple(query.get("text", ())), prefix=_single(query, "prefix") or "",
        top=_number(query, "top", 10**6), options=given,
    )  # fmt: skip


def _single(query: Mapping[str, list[str]], name: str) -> str | None:
    return query[name][0] if name in query else None


def _number(query: Mapping[str, list[str]], name: str, most: int) -> int:
    """A number of the query, 0 if it is not given.

    Raises:
        HttpError: 422, it is no whole number from 1 to `most`.
    """
    if (text := _single(query, name)) is None:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= most):
        raise HttpError(422, f"{name} must be a whole number from 1 to {most:,}, not '{text[:40]}'.")
    return int(text)


def _refusal(error: TextforgeError) -> HttpError:
    """An error of a table as one of its request, with the names that options have there."""
    message = str(error)
    for command, query in NAMES.items():
        message = message.replace(command, query)
    if isinstance(error, TextColumnError):
        return HttpError(422, message, columns=error.columns)
    return HttpError(422, message)
