"""Callback `tensorboard`: write a run as TensorBoard event files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge_tracking import figures

if TYPE_CHECKING:
    from textforge_tracking.events import EventFile


def tensorboard(run_folder: Path, /, *, folder: str | None = None, per_class: bool = True) -> Any:
    """Write the curves of each epoch, figures on test, hyperparameters and the recipe as TensorBoard event files.

    Options:
        folder: parent of one folder of event files per run, relative to the working directory; by default event files
            are written to tensorboard/ in the run folder.
        per_class: log precision, recall and F1 of each class on test, too.
    """
    if folder is None:
        return TensorBoard(run_folder, run_folder / "tensorboard", per_class)
    return TensorBoard(run_folder, Path(folder).expanduser() / figures.run_name(run_folder), per_class)


class TensorBoard:
    """Log a run as it proceeds; each event is on disk before the run continues."""

    def __init__(self, run_folder: Path, folder: Path, per_class: bool) -> None:
        self._run_folder = run_folder
        self._folder = folder
        self._per_class = per_class
        self._events: EventFile | None = None

    def started(self, run: dict[str, Any]) -> None:
        from textforge_tracking.events import EventFile

        events = EventFile(self._folder)
        events.add_hyperparameters(figures.named(figures.hyperparameters(run), figures.grouped, "."))
        for name in ("recipe", "resolved"):
            if (file := self._run_folder / f"{name}.yaml").is_file():
                events.add_text(name, file.read_text(encoding="utf-8"))
        events.flush()
        self._events = events  # stays None if the flush fails, so that nothing more is written

    def epoch_ended(self, result: dict[str, Any]) -> None:
        if self._events:
            _add(self._events, figures.of_epoch(result), result["number"])
            self._events.flush()

    def finished(self, result: dict[str, Any]) -> None:
        if self._events:
            _add(self._events, figures.of_end(result, per_class=self._per_class), result["epochs"])
            self._events.add_end(success=True)
            self._events.flush()

    def failed(self, error: dict[str, Any]) -> None:
        if self._events:
            self._events.add_text("error", f"{error['type']}: {error['message']}")
            self._events.add_end(success=False)
            self._events.flush()


def _add(events: EventFile, values: Mapping[tuple[str, ...], float], step: int) -> None:
    events.add_scalars(figures.named(values, figures.grouped), step)
