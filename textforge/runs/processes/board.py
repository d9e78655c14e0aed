"""A board that every process of a launch can read and write: who has failed, and who has said so."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import torch.distributed as dist

from textforge.errors import ProcessError
from textforge.runs.processes.launch import Launch

CONNECT = 30.0
"""Most seconds to wait for the launcher's store."""
NOTICE = 1.0
"""Seconds in which a process that still runs says that it has lost another one."""
SAY = 5.0
"""Seconds in which the first process reports the failure of a run, before another one does."""
_POLL = 0.05


class Board:
    """Messages between the processes of a launch, outside of a training: a key-value store of torch.distributed.

    Args:
        launch: the place of this process.
        store: the launcher's store.
    """

    def __init__(self, launch: Launch, store: Any) -> None:
        self._launch, self._store = launch, dist.PrefixStore("textforge", store)  # type: ignore[attr-defined]

    @classmethod
    def connect(cls, launch: Launch, wait: float = CONNECT) -> Board:
        """Connect to the store at MASTER_ADDR and MASTER_PORT; torchrun keeps it, else the first process does.

        Raises:
            ProcessError: it does not answer.
        """
        host, port = os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"]
        keeps = launch.first and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        try:
            store = dist.TCPStore(  # type: ignore[attr-defined]
                host, int(port), is_master=keeps, timeout=timedelta(seconds=wait), wait_for_workers=False,
                multi_tenant=True,
            )  # fmt: skip
        except (RuntimeError, ValueError, OSError) as error:
            raise ProcessError(f"{launch} cannot reach the others at {host}:{port} within {wait:g} s.") from error
        prefix = dist.PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)  # type: ignore[attr-defined]
        return cls(launch, prefix)

    @property
    def store(self) -> Any:
        """The store, for a process group."""
        return self._store

    # -- presence and failures -------------------------------------------------------------------

    def post(self, kind: str, **values: Any) -> None:
        """Tell the others something, if the store can still be reached."""
        with suppress(RuntimeError):
            self._store.set(f"{kind}/{self._launch.rank}", json.dumps(values))

    def read(self, kind: str, rank: int) -> dict[str, Any] | None:
        """The values that a process has posted; None if it has posted none, or if the store cannot be reached."""
        with suppress(RuntimeError, ValueError):
            key = f"{kind}/{rank}"
            if self._store.check([key]):
                found: dict[str, Any] = json.loads(self._store.get(key))
                return found
        return None

    def meet(self, wait: float) -> None:
        """Wait until all processes are here. Signals are heeded meanwhile.

        Raises:
            ProcessError: a process has failed, or is not here in time.
        """
        self.post("here")
        until = time.monotonic() + wait
        missing = [*range(self._launch.size)]
        while missing := [rank for rank in missing if self.read("here", rank) is None]:
            if (failure := self.failure()) is not None:
                raise failure
            if time.monotonic() > until:
                raise ProcessError(f"{_named(missing, self._launch.size)} did not start within {wait:g} s.")
            time.sleep(_POLL)

    @property
    def has_joined(self) -> bool:
        """Whether this process has been here."""
        return self.read("here", self._launch.rank) is not None

    def fail(self, message: str, code: int) -> None:
        """Tell the others that this process has failed by itself."""
        self.post("failed", message=message, code=code)

    def failure(self) -> ProcessError | None:
        """The failure that another process has posted; None if there is none."""
        for rank in range(self._launch.size):
            found = None if rank == self._launch.rank else self.read("failed", rank)
            if found is not None:
                who = f"process {rank} of {self._launch.size} has failed"
                return ProcessError(f"{who}: {found['message']}", int(found["code"]))
        return None

    def explain(self) -> ProcessError:
        """Why the exchange with another process failed: its own failure, or that it has ended without a word."""
        self.post("lost")
        others = [rank for rank in range(self._launch.size) if rank != self._launch.rank]
        until = time.monotonic() + NOTICE
        silent = others
        while silent and time.monotonic() < until:
            if (failure := self.failure()) is not None:
                return failure
            silent = [rank for rank in others if self.read("lost", rank) is None]
            time.sleep(_POLL)
        if not silent:
            return ProcessError("the processes do not reach one another any more, so the training cannot go on.")
        ended = _named(silent, self._launch.size)
        return ProcessError(f"{ended} has ended, or does not answer, so the training cannot go on.")

    # -- who reports -----------------------------------------------------------------------------

    def said(self) -> None:
        """The first process has reported the failure of the run."""
        self.post("said")

    def must_say(self, wait: float = SAY) -> bool:
        """Wait for the first process to report the failure; whether this one must do it instead, as the first other."""
        until = time.monotonic() + wait
        while time.monotonic() < until:
            if self.read("said", 0) is not None:
                return False
            time.sleep(_POLL)
        with suppress(RuntimeError):
            return int(self._store.add("saying", 1)) == 1
        return True


def _named(ranks: list[int], size: int) -> str:
    """Processes in words, as in 'process 1 of 2'."""
    if len(ranks) == 1:
        return f"process {ranks[0]} of {size}"
    return f"one of the processes {', '.join(map(str, ranks))} of {size}"
