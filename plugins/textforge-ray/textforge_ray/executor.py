"""The executor `ray`: tasks of textforge as tasks of Ray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge
from textforge import Progress, Task, TextforgeError

from textforge_ray.cluster import connected
from textforge_ray.folders import Piece, Received, pieces
from textforge_ray.messages import Inbox
from textforge_ray.remote_work import Order, Outcome, Worker, carry_out
from textforge_ray.versions import last_line, refuse_other_versions

LOOK = 0.2
"""Seconds between two looks at the messages of the workers."""
AHEAD = 2
"""Tasks that are given to Ray for each that can run, so that a worker need not wait for its next one."""
IN_FLIGHT = 4
"""Pieces of a folder that a worker sends ahead."""


def ray_tasks(
    tasks: Iterator[Task],
    progress: Progress,
    /,
    *,
    address: str | None = None,
    cpus: Annotated[int, Ge(1)] = 1,
    retries: Annotated[int, Ge(0)] = 3,
) -> Iterator[tuple[Task, Any] | None]:
    """Carry out tasks on a Ray cluster, or on all cores of this machine.

    Args:
        address: `host:port`, `auto` for the cluster on this machine, `local` for a new one. By default the environment
            variable RAY_ADDRESS, else `local`.
        cpus: cores of a task. Ray lets it compute with as many threads, unless OMP_NUM_THREADS is set on the node.
        retries: how often a task is done again after its worker has died.
    """
    with connected(address, progress):
        refuse_other_versions()
        with Pool(progress, cpus, retries) as pool:
            yield from pool.results(tasks)


@dataclass
class Running:
    """A task that Ray works on."""

    task: Task
    received: Received | None
    """What has arrived of its folder; None for a task without one."""
    attempt: int = 1
    worker: Worker | None = None
    """Who works on it; None before one has begun."""


class Pool:
    """Gives tasks to Ray as there is room, and does those again whose workers die. Cancels the rest at its end.

    Args:
        progress: shows the messages of the workers.
        cpus, retries: as for `ray_tasks`.
    """

    def __init__(self, progress: Progress, cpus: int, retries: int) -> None:
        import ray

        self._progress, self._retries = progress, retries
        self._inbox = Inbox(progress)
        self._remote: Any = ray.remote(num_cpus=cpus, max_retries=0)(carry_out).options(
            num_returns="streaming", _generator_backpressure_num_objects=IN_FLIGHT
        )
        self._room = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)) // cpus)
        self._running: dict[Any, Running] = {}
        self._shared: tuple[Any, Any] | None = None

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel what is not done; force, since a worker in a long computation heeds nothing else."""
        import ray

        for stream, running in self._running.items():
            ray.cancel(stream, force=True)
            _discard(running)
        self._running.clear()

    def results(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Any] | None]:
        """Yield each task with its value, in the order in which they are done; None while nothing is.

        Raises:
            TextforgeError: of a task; or the worker of a task has died too often.
        """
        import ray

        more = True
        while True:
            while more and len(self._running) < self._room:
                task = next(tasks, None)
                if task is None:
                    more = False
                else:
                    self._start(Running(task, None))
            if not self._running:
                return
            ready, _ = ray.wait([*self._running], num_returns=1, timeout=LOOK)
            self._inbox.show()
            if not ready:
                yield None
            for stream in ready:
                outcome = self._next(stream)
                if outcome is not None:
                    running = self._running.pop(stream)
                    self._inbox.show_all()
                    yield running.task, self._finished(running, outcome)

    def _start(self, running: Running) -> None:
        import ray

        task = running.task
        if self._shared is None or self._shared[0] is not task.shared:
            self._shared = task.shared, ray.put(task.shared)
        content = (ray.put(piece) for piece in pieces(task.folder)) if task.folder and task.folder.is_dir() else ()
        place = None if task.folder is None else str(task.folder)
        order = Order(
            task.name, task.work, dict(task.arguments), self._shared[1], place, tuple(content), self._inbox.mailbox
        )
        running.received = None if task.folder is None else Received(task.folder)
        self._running[self._remote.remote(order)] = running

    def _next(self, stream: Any) -> Outcome | None:
        """Take what has arrived of a task; return its outcome, or None if more is to come."""
        import ray

        running = self._running[stream]
        try:
            item: Worker | Piece | Outcome = ray.get(next(stream))
        except ray.exceptions.RayTaskError as error:
            raise TextforgeError(f"{running.task.name} failed on its worker: {last_line(error)}") from error
        except StopIteration:
            self._again(stream, "ended without a result")
            return None
        except ray.exceptions.RayError as error:
            self._again(stream, why_died(error))
            return None
        if isinstance(item, Outcome):
            return item
        if isinstance(item, Worker):
            running.worker = item
            self._progress.stage(f"{running.task.name}: at work {item}")
            return None
        assert running.received is not None
        running.received.add(item)
        return None

    def _again(self, stream: Any, why: str) -> None:
        """Start a task again whose worker has died.

        Raises:
            TextforgeError: it has died too often.
        """
        running = self._running.pop(stream)
        _discard(running)
        times = self._retries + 1
        died = f"{running.task.name}: its worker{f' {running.worker},' if running.worker else ''} {why}"
        if running.attempt == times:
            raise TextforgeError(f"{died}. It is given up after {times} attempt{'s' if times > 1 else ''}.")
        self._progress.warning(f"{died}. It is done again (attempt {running.attempt + 1} of {times}).")
        self._start(Running(running.task, None, running.attempt + 1))

    def _finished(self, running: Running, outcome: Outcome) -> Any:
        """Put the folder of a task at its place, and return its value or raise its error."""
        if running.received is not None:
            running.received.finish(exists=outcome.folder)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value


def _discard(running: Running) -> None:
    if running.received is not None:
        running.received.discard()


def why_died(error: BaseException) -> str:
    """The end of a worker in words, as the predicate of a sentence."""
    import ray

    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return (
            "was killed because its node ran out of memory (give a task more cores, so that fewer run at once, or "
            "a node more memory)"
        )
    if isinstance(error, (ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError)):
        return "was on a node that died"
    if isinstance(error, ray.exceptions.WorkerCrashedError):
        return "died (killed, or crashed)"
    return f"died ({type(error).__name__}: {last_line(error)})"
