"""Measure trials by an executor of a plugin, on other machines."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from textforge.components.part import Part
from textforge.runs.progress import Progress
from textforge.runs.tasks import Task as ExecutorTask, watched_results_of
from textforge.runs.tuning.folds import Place
from textforge.runs.tuning.trial import Laboratory, Measured
from textforge.runs.tuning.workers import CUT, Result, Task


class Elsewhere:
    """Carries out the tasks of a tuning by an executor; the counterpart of `Workers`.

    Args:
        laboratory: measures; each process of the executor has a copy.
        executor: where.
        progress: shows what goes wrong, such as a worker that dies. Trials are shown by the tuning.
        n: number of tasks at a time, by which the time of a generation is estimated.
    """

    def __init__(self, laboratory: Laboratory, executor: Part, progress: Progress, n: int) -> None:
        self._laboratory, self._executor = laboratory, executor
        self._shown = _WarningsAlone(progress)
        self.n: int = n

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left: `results` cancels what is not done."""

    def results(self, tasks: Iterable[Task], deadline: Callable[[], float]) -> Iterator[Result]:
        """As `Workers.results`."""
        waiting = {f"trial {task.trial} on {task.place}": task for task in tasks}
        given = (
            ExecutorTask(
                name, measure, {"sections": task.sections, "place": task.place, "seconds": task.seconds},
                self._laboratory,
            )
            for name, task in [*waiting.items()]
        )  # fmt: skip
        if waiting and deadline() > 0:
            with watched_results_of(self._executor, given, self._shown) as found:
                for one in found:
                    if one is not None:
                        yield waiting.pop(one[0].name), Measured(**one[1])
                    if deadline() <= 0:
                        break
        for task in waiting.values():
            yield task, Measured(failed=CUT)


class _WarningsAlone(Progress):
    """Passes warnings on, and the interruption."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.interruption = getattr(progress, "interruption", None)

    def warning(self, text: str) -> None:
        self._progress.warning(text)


def measure(
    shared: Laboratory,
    folder: None,
    progress: Progress,
    *,
    sections: dict[str, Any],
    place: Place,
    seconds: float | None,
) -> dict[str, Any]:
    """The work of a task: measure a recipe at a place with one thread, in so many seconds at most."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _cut_after(seconds):
            return asdict(shared.measure(sections, place))
    except _CutError:
        return asdict(Measured(failed=CUT, seconds=seconds or 0.0))
    finally:
        torch.set_num_threads(threads)


class _CutError(BaseException):
    """Raised in the middle of a measurement, which would report an Exception as a fault of the recipe."""


@contextmanager
def _cut_after(seconds: float | None) -> Iterator[None]:
    """Raise `_CutError` in the `with` block after so many seconds, where the system has timers for that."""
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def cut(*_: object) -> None:
        raise _CutError

    before = signal.signal(signal.SIGALRM, cut)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
