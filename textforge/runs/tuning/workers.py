"""Worker processes that measure trials, one at a time each, and that can be ended in the middle of one.

A worker computes with one thread, so that results do not depend on the number of workers. Where the system can fork,
workers share the memory of the texts; elsewhere each gets a copy.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from textforge.runs.tuning.folds import Place
from textforge.runs.tuning.trial import Laboratory, Measured

CUT = "cut: it took longer than the budget allows"
"""Why a measurement that was ended has no result."""
WATCHED = 1.0
"""Seconds between two looks of a worker at whether its parent still lives."""


@dataclass(frozen=True)
class Task:
    """A measurement to do."""

    trial: int
    place: Place
    sections: dict[str, Any]
    """The recipe as plain values."""
    seconds: float | None = None
    """After so many seconds the measurement is cut; None lets it take its time."""


Result = tuple[Task, Measured]


class Workers:
    """Processes that carry out tasks. Use as a context manager; leaving it ends them.

    Args:
        laboratory: measures; each worker has a copy.
        n: number of processes; 0 measures in this process, where nothing can be cut.
    """

    def __init__(self, laboratory: Laboratory, n: int) -> None:
        self._laboratory = laboratory
        self.n: int = n
        forks = sys.platform.startswith("linux")
        self._context: Any = multiprocessing.get_context("fork" if forks else "spawn")
        self._workers: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._workers = []

    def results(self, tasks: Iterable[Task], deadline: Callable[[], float]) -> Iterator[Result]:
        """Carry out tasks, begun in their order; yield each result when it is known.

        Args:
            tasks: the tasks.
            deadline: returns the seconds that are left; tasks that are not done by then are cut.
        """
        waiting = deque(tasks)
        if not self.n:
            for task in waiting:
                left = deadline() > 0
                yield task, self._laboratory.measure(task.sections, task.place) if left else Measured(failed=CUT)
            return
        while waiting or any(worker.task for worker in self._workers):
            if deadline() <= 0:
                for worker in [worker for worker in self._workers if worker.task]:
                    yield self._cut(worker)
                yield from ((task, Measured(failed=CUT)) for task in waiting)
                return
            self._begin(waiting)
            busy = [worker for worker in self._workers if worker.task]
            ready = wait([worker.pipe for worker in busy], timeout=max(0.0, min(0.1, deadline())))
            for worker in busy:
                if worker.pipe in ready:
                    yield self._received(worker)
                elif worker.overdue():
                    yield self._cut(worker)

    def _begin(self, waiting: deque[Task]) -> None:
        """Give each idle worker a task, and start workers up to their number."""
        while waiting:
            idle = next((worker for worker in self._workers if worker.task is None), None)
            if idle is None:
                if len(self._workers) == self.n:
                    return
                idle = _Worker(self._context, self._laboratory)
                self._workers.append(idle)
            idle.begin(waiting.popleft())

    def _received(self, worker: _Worker) -> Result:
        task = worker.task
        assert task is not None
        try:
            measured = Measured(**worker.pipe.recv())
            worker.task = None
        except (EOFError, OSError):
            worker.process.join()
            self._workers.remove(worker)
            code = worker.process.exitcode or 0
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            measured = Measured(failed=f"its process ended ({how}); memory may have run out.")
        return task, measured

    def _cut(self, worker: _Worker) -> Result:
        task, seconds = worker.task, time.monotonic() - worker.began
        assert task is not None
        worker.end()
        self._workers.remove(worker)
        return task, Measured(failed=CUT, seconds=seconds)


class _Worker:
    """One process."""

    def __init__(self, context: Any, laboratory: Laboratory) -> None:
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.process: Any = context.Process(target=_work, args=(laboratory, theirs, os.getpid()), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.began = 0.0

    def begin(self, task: Task) -> None:
        self.task, self.began = task, time.monotonic()
        self.pipe.send((task.sections, task.place))

    def overdue(self) -> bool:
        """Whether the task takes longer than it may."""
        limit = self.task.seconds if self.task else None
        return limit is not None and time.monotonic() - self.began > limit

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _work(laboratory: Laboratory, pipe: Connection, parent: int) -> None:
    """Measure what comes through a pipe until it is closed; the main function of a worker."""
    import torch

    for number in (signal.SIGINT, signal.SIGTERM):  # the parent ends its workers
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (open to the end)
    try:
        while True:
            sections, place = pipe.recv()
            pipe.send(asdict(laboratory.measure(sections, place)))
    except (EOFError, OSError):
        os._exit(0)


def _watch(parent: int) -> None:
    """End this process when its parent is gone: after SIGKILL nobody else ends it."""
    while os.getppid() == parent:
        time.sleep(WATCHED)
    os._exit(1)
