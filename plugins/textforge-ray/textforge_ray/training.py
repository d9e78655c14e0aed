"""Train one run in several workers of a cluster, which join as the processes of torchrun do."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textforge import Progress, Recipe, RecipeError, TextforgeError, resume, run

from textforge_ray.cluster import connected
from textforge_ray.executor import IN_FLIGHT, LOOK, why_died
from textforge_ray.folders import Received, pieces
from textforge_ray.messages import Inbox
from textforge_ray.placement import free_address, in_place, places
from textforge_ray.remote_work import Order, Outcome, Worker, carry_out
from textforge_ray.versions import refuse_other_versions

PARTING = 60.0
"""Seconds in which the other workers notice that one has died, and the first one sends what it has saved."""
PLAN = "plan.json"
"""A run folder with this file can be continued."""


@dataclass(frozen=True)
class Team:
    """The workers of a run: how many, what each has, and how often they start again."""

    size: int
    cpus: int = 1
    gpus: int = 0
    retries: int = 3


def new_run_folder(name: str, out: Path | None) -> Path:
    """The path of a new run folder: `out`, or one below `runs` as `textforge run` names it.

    Raises:
        RecipeError: there is a file or a folder already.
    """
    if out is None:
        return Path("runs", name, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RecipeError(f"{out}: exists already; runs are never overwritten. Choose another --out.")
    return out


class _DiedError(Exception):
    """A worker has died; its message is a predicate."""


def train(recipe: Recipe, out: Path, team: Team, progress: Progress, address: str | None = None) -> None:
    """Train a recipe in several workers; the run folder is that of the first one.

    If a worker dies, all of them start again from the last checkpoint that the first one has sent.

    Args:
        recipe: the recipe.
        out: the run folder, which does not exist.
        team: the workers.
        progress: shows the messages of the first worker.
        address: as for `ray_tasks`.

    Raises:
        TextforgeError: of the run; or workers have died too often.
    """
    import ray

    recipe = recipe.with_data()
    with connected(address, progress):
        refuse_other_versions()
        shared, inbox = ray.put(recipe), Inbox(progress)
        with places(team.size, team.cpus, team.gpus) as group:
            for attempt in range(1, team.retries + 2):
                try:
                    _Attempt(recipe.name, shared, out, inbox, progress).carry_out(team, group)
                    break
                except _DiedError as died:
                    if attempt > team.retries:
                        raise TextforgeError(f"{died}. The run is given up after {attempt} attempts.") from died
                    state = "continue from its last checkpoint" if (out / PLAN).is_file() else "begin anew"
                    progress.warning(f"{died}. All workers {state} (attempt {attempt + 1} of {team.retries + 1}).")


@dataclass
class _Attempt:
    """One start of all workers."""

    name: str
    shared: Any
    out: Path
    inbox: Inbox
    progress: Progress
    at_work: dict[int, Worker] = field(default_factory=dict)

    def carry_out(self, team: Team, group: Any) -> None:
        """Start the workers and wait for them.

        Raises:
            _DiedError: one of them has died.
            TextforgeError: the run has failed.
        """
        import ray

        host, port = ray.get(ray.remote(num_cpus=0)(free_address).options(
            scheduling_strategy=in_place(group, 0)).remote())  # fmt: skip
        content = tuple(ray.put(piece) for piece in pieces(self.out)) if self.out.is_dir() else ()
        remote: Any = ray.remote(num_cpus=team.cpus, num_gpus=team.gpus, max_retries=0)(carry_out)
        streams = {}
        for rank in range(team.size):
            place = {
                "RANK": str(rank), "WORLD_SIZE": str(team.size), "MASTER_ADDR": host, "MASTER_PORT": str(port),
                "LOCAL_RANK": "0" if team.gpus else str(rank),  # a worker sees only the GPU that it was given
            }  # fmt: skip
            name = self.name if rank == 0 else f"worker {rank}"
            order = Order(name, train_here, {"place": place}, self.shared, str(self.out), content, self.inbox.mailbox)
            options = {"num_returns": "streaming", "_generator_backpressure_num_objects": IN_FLIGHT}
            streams[remote.options(scheduling_strategy=in_place(group, rank), **options).remote(order)] = rank
        received = Received(self.out)
        try:
            outcomes, died = self._outcomes(streams, received)
            first = outcomes.get(0)
            if first is not None:
                received.finish(exists=first.folder)
            if died is not None:
                raise died
            for rank in sorted(outcomes):  # the first worker knows why another one has failed
                if (error := outcomes[rank].error) is not None:
                    raise error
        finally:
            for stream in streams:
                ray.cancel(stream, force=True)
            received.discard()

    def _outcomes(self, streams: dict[Any, int], received: Received) -> tuple[dict[int, Outcome], _DiedError | None]:
        """Wait for all workers; if one dies, a while for the others."""
        import ray

        waiting, outcomes = dict(streams), dict[int, Outcome]()
        died: _DiedError | None = None
        until = float("inf")
        while waiting and time.monotonic() < until:
            ready: list[Any] = ray.wait([*waiting], num_returns=1, timeout=LOOK)[0]
            self.inbox.show()
            for stream in ready:
                rank = waiting[stream]
                try:
                    item = ray.get(next(stream))
                except (StopIteration, ray.exceptions.RayError) as error:
                    del waiting[stream]
                    why = "ended without a result" if isinstance(error, StopIteration) else why_died(error)
                    where = f" {self.at_work[rank]}," if rank in self.at_work else ""
                    died = died or _DiedError(f"worker {rank}{where} {why}")
                    until = min(until, time.monotonic() + PARTING)
                    continue
                if isinstance(item, Worker):
                    self.at_work[rank] = item
                    self.progress.stage(f"worker {rank}: at work {item}")
                elif isinstance(item, Outcome):
                    outcomes[rank] = item
                    del waiting[stream]
                    if item.error is not None:
                        until = min(until, time.monotonic() + PARTING)
                elif rank == 0:
                    received.add(item)
        self.inbox.show_all()
        return outcomes, died


def train_here(shared: Recipe, folder: Path, progress: Progress, *, place: dict[str, str]) -> None:
    """The work of a worker: run the recipe together with the others, or continue the run.

    Args:
        shared: the recipe, with its data.
        folder: the run folder, which the first worker writes.
        progress: shows the messages of the first worker.
        place: the environment variables that torchrun would set.
    """
    first = place["RANK"] == "0"
    shown = progress if first else Progress()
    try:
        with _environment(place):
            if (folder / PLAN).is_file():
                data = None if shared.dataset.streams else shared.dataset
                resume(folder, anyway=True, dataset=data, progress=shown)
            else:
                run(shared, out=folder, progress=shown)
    finally:
        if not first:
            shutil.rmtree(folder, ignore_errors=True)  # which need not go back


@contextmanager
def _environment(place: dict[str, str]) -> Iterator[None]:
    """Set environment variables in the `with` block; the process works on other tasks later."""
    if place["MASTER_ADDR"].startswith("127."):
        place = {"GLOO_SOCKET_IFNAME": "lo", **place}
    before = {name: os.environ.get(name) for name in place}
    os.environ.update(place)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
