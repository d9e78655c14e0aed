"""How a run tells whoever watches it what it does, and what the user should know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textforge.training.validation import EpochResult


class Progress:
    """Follows a run. Override the methods you need; these do nothing.

    What a method raises is the caller's own decision and ends the run, as a button to cancel it does. The progress
    that the command line shows raises nothing: it loses what a closed terminal does not take.
    """

    def stage(self, text: str) -> None:
        """A stage begins; `text` says which, as in "loading dataset 'csv'"."""

    def warning(self, text: str) -> None:
        """The data have something that the user should know, such as rows that were left out."""

    def step(self, epoch: int, step: int, steps: int) -> None:
        """A training step is done. Epochs and steps count from 1; an epoch has `steps` of them."""

    def epoch(self, result: EpochResult, epochs: int) -> None:
        """An epoch is done, of at most `epochs`."""

    def evaluated(self, done: int, texts: int) -> None:
        """So many of the test texts are predicted."""

    def predicted(self, done: int) -> None:
        """So many texts of a stream are answered; how many will come is not known."""


class WarningLog:
    """Shows each warning once and keeps them all for the result."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.messages: list[str] = []

    def add(self, warnings: Iterable[str]) -> None:
        """Show and keep the warnings that are new."""
        for warning in warnings:
            if warning not in self.messages:
                self.messages.append(warning)
                self._progress.warning(warning)
