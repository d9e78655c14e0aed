"""Progress reports and warnings of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textforge.training.validation import EpochResult


class Progress:
    """Receives progress reports of a run. Override the methods you need; the defaults do nothing.

    An exception raised by a method ends the run, which is how a cancel button can stop it. The progress of the
    command line never raises: it drops output that a closed terminal does not accept.
    """

    def stage(self, text: str) -> None:
        """A stage begins. `text` describes it, as in "loading dataset 'csv'"."""

    def warning(self, text: str) -> None:
        """The user should know something, for example that rows were left out."""

    def step(self, epoch: int, step: int, steps: int) -> None:
        """A training step is done. `epoch` and `step` count from 1; `steps` is the number of steps per epoch."""

    def epoch(self, result: EpochResult, epochs: int) -> None:
        """An epoch is done. `epochs` is the maximum number of epochs."""

    def evaluated(self, done: int, texts: int) -> None:
        """`done` of `texts` test texts are evaluated."""

    def predicted(self, done: int) -> None:
        """`done` texts of a stream are predicted. The length of the stream is unknown."""


class WarningLog:
    """Reports each warning once and keeps all of them for the result."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.messages: list[str] = []

    def add(self, warnings: Iterable[str]) -> None:
        """Report and keep the warnings that are new."""
        for warning in warnings:
            if warning not in self.messages:
                self.messages.append(warning)
                self._progress.warning(warning)
