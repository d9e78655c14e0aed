"""Compute what arrives together in one call, in one worker thread, with a bounded queue.

An idle batcher starts at once, so that a single request never waits. While it computes, further work gathers and
becomes the next batch: the busier the server, the larger its batches.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from itertools import islice
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")

CHARACTERS = 2**21
"""Most characters in a batch of several works."""
LOOK = 0.25
"""Seconds between two looks at works that wait: for timeouts, and for clients that have gone."""


class Overloaded(Exception):  # noqa: N818  (names a state, not an error)
    """Too many texts wait."""


class TooSlow(Exception):  # noqa: N818  (names a state, not an error)
    """An answer took longer than allowed."""


class Work(Generic[Key, Result]):
    """Texts to compute: one unit, which is never split between batches."""

    __slots__ = ("characters", "future", "gone", "key", "since", "texts", "watch")

    def __init__(self, key: Key, texts: Sequence[str], gone: Callable[[], Awaitable[None]] | None) -> None:
        loop = asyncio.get_running_loop()
        self.key: Key = key
        self.texts: Sequence[str] = texts
        self.characters: int = sum(map(len, texts))
        self.gone: Callable[[], Awaitable[None]] | None = gone
        self.future: asyncio.Future[list[Result]] = loop.create_future()
        self.since: float = loop.time()
        self.watch: asyncio.Task[None] | None = None


class Batcher(Generic[Key, Result]):
    """A worker thread and its queue. All methods are called in the event loop.

    Args:
        compute: called in the thread with a key and texts; returns a result for each text.
        max_batch: most texts in a batch.
        max_wait: seconds to wait for more work when a batch has ended and fewer texts wait than `max_batch`.
        queue_size: most texts that may wait.
        timeout: seconds from accepting a work to its results.
    """

    def __init__(
        self,
        compute: Callable[[Key, list[str]], list[Result]],
        *,
        max_batch: int,
        queue_size: int,
        timeout: float,
        max_wait: float = 0.0,
    ) -> None:
        self._compute = compute
        self.max_batch: int = max_batch
        self._max_wait, self._queue_size, self._timeout = max_wait, queue_size, timeout
        self._waiting: OrderedDict[Work[Key, Result], None] = OrderedDict()
        self._running: list[Work[Key, Result]] = []
        self._idle = True
        self.texts_waiting: int = 0
        self.on_batch: Callable[[int], None] = lambda texts: None
        """Called with the number of texts of each batch."""
        self._to_do: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, list[Work[Key, Result]]] | None] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None

    async def submit(
        self, key: Key, texts: Sequence[str], gone: Callable[[], Awaitable[None]] | None = None
    ) -> list[Result]:
        """Compute texts, together with those of others that have the same key.

        Args:
            key: passed to `compute`; works with different keys are never computed together.
            texts: at most `max_batch` texts.
            gone: awaited if the work waits long; when it returns, the client has gone and the work is dropped.

        Raises:
            Overloaded: too many texts wait.
            TooSlow: the results took too long.
            asyncio.CancelledError: the client has gone.
        """
        if self.texts_waiting + len(texts) > self._queue_size:
            raise Overloaded
        work: Work[Key, Result] = Work(key, texts, gone)
        self._waiting[work] = None
        self.texts_waiting += len(texts)
        if self._idle:  # in the next turn of the loop, with all that has arrived by then
            self._idle = False
            work.future.get_loop().call_soon(self._start)
        elif self._timer is not None and self.texts_waiting >= self.max_batch:
            self._start()
        if self._look is None:
            self._look = work.future.get_loop().call_later(LOOK, self._look_at_all)
        try:
            return await work.future
        finally:
            if work in self._waiting:
                self._take_out(work)
            if work.watch is not None:
                work.watch.cancel()

    @property
    def stuck(self) -> bool:
        """Whether the works of the running batch have all been given up, and it is still computing."""
        return bool(self._running) and all(work.future.done() for work in self._running)

    def close(self) -> None:
        """End the thread after the running batch."""
        if self._thread is not None:
            self._to_do.put(None)
            self._thread = None

    def _start(self) -> None:
        """Hand the next batch to the thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not (batch := self._next_batch()):
            self._idle = True
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="textforge serving", daemon=True)
            self._thread.start()
        self._running = batch
        self._to_do.put((batch[0].future.get_loop(), batch))

    def _next_batch(self) -> list[Work[Key, Result]]:
        """Take the oldest work and those with the same key, while there is room in the batch."""
        batch: list[Work[Key, Result]] = []
        texts = characters = 0
        for work in [*islice(self._waiting, 4 * self.max_batch)]:
            if batch and (
                work.key != batch[0].key
                or texts + len(work.texts) > self.max_batch
                or characters + work.characters > CHARACTERS
            ):
                continue
            self._take_out(work)
            if not work.future.done():
                batch.append(work)
                texts += len(work.texts)
                characters += work.characters
                if texts >= self.max_batch:
                    break
        if batch:
            self.on_batch(texts)
        return batch

    def _take_out(self, work: Work[Key, Result]) -> None:
        del self._waiting[work]
        self.texts_waiting -= len(work.texts)

    def _done(self, results: list[list[Result] | Exception]) -> None:
        """Give the results of the running batch to those who wait for them, and go on."""
        for work, found in zip(self._running, results, strict=True):
            if work.future.done():
                continue
            if isinstance(found, Exception):
                work.future.set_exception(found)
            else:
                work.future.set_result(found)
        loop = self._running[0].future.get_loop()
        self._running = []
        if not self._waiting:
            self._idle = True
        elif self._max_wait and self.texts_waiting < self.max_batch:
            self._timer = loop.call_later(self._max_wait, self._start)
        else:
            self._start()

    def _look_at_all(self) -> None:
        """Give up what takes too long; begin to watch the clients of what waits."""
        self._look = None
        every = [*self._running, *self._waiting]
        for work in every:
            if work.future.done():
                continue
            loop = work.future.get_loop()
            if loop.time() - work.since > self._timeout:
                work.future.set_exception(TooSlow())
            elif work.gone is not None and work.watch is None:
                work.watch = loop.create_task(_cancel_when(work.gone, work.future))
        if every:
            self._look = every[0].future.get_loop().call_later(LOOK, self._look_at_all)

    def _work(self) -> None:
        """Compute batches: the body of the thread."""
        while (job := self._to_do.get()) is not None:
            loop, batch = job
            results = self._results(batch)
            try:
                loop.call_soon_threadsafe(self._done, results)
            except RuntimeError:  # the loop is closed; nobody waits
                return
            del job, batch, results  # hold no texts while waiting

    def _results(self, batch: list[Work[Key, Result]]) -> list[list[Result] | Exception]:
        texts = [text for work in batch for text in work.texts]
        try:
            found = self._compute(batch[0].key, texts)
        except Exception as error:
            if len(batch) == 1:
                return [error]
            return [self._results([work])[0] for work in batch]  # one text must not fail those of others
        results: list[list[Result] | Exception] = []
        at = 0
        for work in batch:
            results.append(found[at : at + len(work.texts)])
            at += len(work.texts)
        return results


async def _cancel_when(gone: Callable[[], Awaitable[None]], future: asyncio.Future[list[Result]]) -> None:
    await gone()
    future.cancel()
