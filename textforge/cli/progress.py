"""Progress of a run for people: a bar on a terminal, plain lines elsewhere, nothing with --quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from textforge.cli import signals
from textforge.cli.messages import write_message
from textforge.errors import shown_line
from textforge.runs.progress import Progress

if TYPE_CHECKING:
    from textforge.training.validation import EpochResult

EVERY = 10.0
"""Seconds between two plain lines about predicted texts."""
REDRAW = 0.05
"""Minimum seconds between two redraws of the bar; a redraw takes longer than a small training step."""
LOST = (OSError, ValueError)
"""Errors raised when the terminal has been closed. The output is dropped."""


@contextmanager
def progress_for(quiet: bool) -> Iterator[Progress]:
    """Yield the progress that suits stderr and heeds signals, and restore the terminal however the run ends."""
    progress = Progress() if quiet else Bar() if sys.stderr.isatty() else Lines()
    progress.interruption = signals.interruption
    try:
        yield progress
    finally:
        if isinstance(progress, Bar):
            progress.close()


class Lines(Progress):
    """Progress as plain lines: one for each stage and epoch, and one every `EVERY` seconds of prediction.

    Never raises into the run: if the terminal is closed, lines are dropped.
    """

    def __init__(self) -> None:
        self._began = self._written = time.monotonic()

    def stage(self, text: str) -> None:
        self.write(f"{text} …")

    def warning(self, text: str) -> None:
        self.write(f"warning: {text}")

    def epoch(self, result: EpochResult, epochs: int) -> None:
        self.write(epoch_text(result, epochs))

    def trial(self, text: str) -> None:
        self.write(text)

    def predicted(self, done: int) -> None:
        now = time.monotonic()
        if now - self._written >= EVERY:
            self._written = now
            self.write(f"predicted {done:,} texts, {done / (now - self._began):,.0f} per second")

    def write(self, text: str) -> None:
        write_message(shown_line(text))


class Bar(Lines):
    """Progress as plain lines above a bar that counts the steps of an epoch, or texts evaluated or predicted.

    Redraws happen only in calls from the run. rich's own refresh thread would compete with training and make the
    output depend on timing.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        super().__init__()
        self._bar: Any = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"),
            console=Console(stderr=True, highlight=False, emoji=False), transient=True, auto_refresh=False,
        )  # fmt: skip
        self._task: Any = None
        self._shown = 0.0

    def step(self, epoch: int, step: int, steps: int) -> None:
        self._show(f"epoch {epoch}", step, steps, "steps")

    def evaluated(self, done: int, texts: int) -> None:
        self._show("evaluate", done, texts, "texts")

    def predicted(self, done: int) -> None:
        rate = done / max(time.monotonic() - self._began, 1e-9)
        self._show("predict", done, None, f"texts, {rate:,.0f} per second")

    def _show(self, what: str, done: int, total: int | None, unit: str) -> None:
        now = time.monotonic()
        state = {"description": what, "completed": done, "total": total, "unit": unit}
        if self._task is not None and now - self._shown <= REDRAW and done != total:
            return
        self._shown = now
        with suppress(*LOST):
            if self._task is None:
                self._bar.start()
                self._task = self._bar.add_task(**state)
            else:
                self._bar.update(self._task, **state, refresh=True)

    def stage(self, text: str) -> None:
        self.close()
        super().stage(text)

    def write(self, text: str) -> None:
        with suppress(*LOST):
            self._bar.console.print(shown_line(text), markup=False, soft_wrap=True)

    def close(self) -> None:
        """Remove the bar and show the cursor again."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
            with suppress(*LOST):
                self._bar.stop()


def _loss(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if value < 1e6 else f"{value:.4g}"


def epoch_text(result: EpochResult, epochs: int) -> str:
    """Format an epoch as a line: `epoch  3/10  train loss 0.0123  valid loss 0.2000 accuracy 0.9500 *  0.40 s`."""
    text = f"epoch {result.number:>{len(str(epochs))}}/{epochs}  train loss {_loss(result.train_loss)}"
    if result.valid:
        valid = result.valid
        text += f"  valid loss {_loss(valid['loss'])} accuracy {valid['accuracy']:.4f}{' *' if result.best else '  '}"
    return f"{text}  {result.seconds:.2f} s"
