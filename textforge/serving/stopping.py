"""Whether the server is stopping, and waits that end when it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Stopping:
    """A stop, as a signal asks for it. Requests that were accepted are answered; streams of lines end early."""

    def __init__(self) -> None:
        self.begun: bool = False
        self._waits: set[asyncio.Timeout] = set()

    def begin(self) -> None:
        """Stop; called in the event loop."""
        self.begun = True
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError after so many seconds, or when the server stops."""
        async with asyncio.timeout(0 if self.begun else seconds) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)
