"""Progress reports and warnings of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textforge.errors import TrainingError

if TYPE_CHECKING:
    from textforge.runs.interruption import Interruption
    from textforge.training.trainer import Trainer
    from textforge.training.validation import EpochResult


class Progress:
    """Receives progress reports of a run. Override the methods you need; the defaults do nothing.

    `stop` ends training early. The run then finishes as any other, with its best weights. An exception raised by a
    method ends the run without a result. The progress of the command line never raises: it drops output that a closed
    terminal does not accept.
    """

    stop_reason: str | None = None
    """Why training is to end early; None unless `stop` was called."""
    interruption: Interruption | None = None
    """Ends the run without a result when a signal asks for it; set by the command line."""

    def stop(self, reason: str = "stopped by the caller") -> None:
        """Ask the run to end its training after the current step. May be called from any method or thread.

        Args:
            reason: the value of `stopped` in result.json.
        """
        if self.stop_reason is None:
            self.stop_reason = reason

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

    def trial(self, text: str) -> None:
        """A trial of a tuning is done. `text` has its value, what it sets, the best so far and the time left."""

    def predicted(self, done: int) -> None:
        """`done` texts of a stream are predicted. The length of the stream is unknown."""


def silent(progress: Progress) -> Progress:
    """A progress that reports nothing and heeds the same signals, for a process that is not the first."""
    found = Progress()
    found.interruption = getattr(progress, "interruption", None)
    return found


class StopRequest:
    """Asks the trainer of one run to stop; the fact `stop` of callbacks.

    Args:
        progress: the progress of the run, whose `stop` is heeded, too.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reason: str | None = None

    def __call__(self, reason: str = "stopped by a callback") -> None:
        """Ask for the end of training after the current step."""
        if self._reason is None:
            self._reason = str(reason)

    @property
    def reason(self) -> str | None:
        """Why training is to end early; None if nobody asked for it."""
        return self._reason if self._reason is not None else getattr(self._progress, "stop_reason", None)

    def pass_on(self, trainer: Trainer) -> None:
        """Stop a trainer if anybody has asked for it."""
        if self.reason is not None:
            trainer.stop(self.reason)


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


def refuse_stopped(progress: Progress, several: str) -> None:
    """Raise if `progress` asked to stop, because a mean over seeds or folds needs all of them trained alike.

    Raises:
        TrainingError: it did; `several` names what the mean is over.
    """
    reason = getattr(progress, "stop_reason", None)
    if reason is not None:
        raise TrainingError(
            f"stopped: {reason}. There are no results, because a mean over {several} needs all of them."
        )
