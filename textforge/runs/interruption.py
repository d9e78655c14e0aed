"""A request to end the program, as a signal makes it. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(KeyboardInterrupt):
    """The program was asked to end.

    Args:
        number: the signal, such as `signal.SIGTERM`.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number: int = number


class Interruption:
    """Ends the program when it is asked to: at once, or in training after the current step.

    The command line makes one and calls `request` from its signal handlers. A run in training heeds it between two
    steps, so that it can save a checkpoint first.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that asked; None if none did."""
        self.advice: str = ""
        """How to continue the run that is at work; empty without one."""
        self._deferred = False

    def request(self, number: int) -> None:
        """Ask the program to end.

        Raises:
            Interrupted: unless a run in training will raise it after its step.
        """
        self.number = number
        if not self._deferred:
            raise Interrupted(number)

    def check(self) -> None:
        """Raise `Interrupted` if the program was asked to end."""
        if self.number is not None:
            raise Interrupted(self.number)

    @contextmanager
    def advising(self, advice: str) -> Iterator[None]:
        """Have this advice until the `with` block is done; after an error it stays, since the process may soon end."""
        before, self.advice = self.advice, advice
        yield
        self.advice = before

    @contextmanager
    def deferred(self, on: bool = True) -> Iterator[None]:
        """Leave it to the `with` block to call `check`; a request that it did not heed is heeded at its end."""
        self._deferred = on
        try:
            yield
        finally:
            self._deferred = False
        self.check()


def interruption_of(progress: object) -> Interruption:
    """The interruption that a `Progress` has; if it has none, one that nobody requests."""
    found: Interruption | None = getattr(progress, "interruption", None)
    return found or Interruption()
