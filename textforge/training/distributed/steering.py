"""How long a training in several processes goes on: all of them decide alike."""

from __future__ import annotations

from typing import Any

from textforge.training.distributed.workers import Workers
from textforge.training.steering import Steering, StopAfter


class SharedSteering(Steering):
    """Decides when a training ends; a request to stop counts once every process knows it.

    A request to end the epoch after a step ends it after the next step.

    Args:
        epochs, patience: as for `Steering`.
        workers: the processes.
    """

    def __init__(self, epochs: int, patience: int | None, workers: Workers) -> None:
        super().__init__(epochs, patience)
        self._workers = workers
        self._wish: dict[str, Any] = {}

    @property
    def wants_stop(self) -> bool:
        """Whether this process asks to end the epoch."""
        return self._wish.get("after") == "step"

    def stop(self, reason: str, after: StopAfter) -> None:
        Steering(1, None).stop(reason, after)  # raises if `after` is wrong
        self._wish = {"reason": self._wish.get("reason", reason), "after": after}

    def extend(self, done: int, epochs: int) -> None:
        super().extend(done, epochs)
        self._wish = {}

    def agree(self) -> None:
        """Take the first request by rank as that of all processes. Called by all of them between epochs."""
        wishes = [wish for wish in self._workers.gather(self._wish) if wish]
        if wishes:
            super().stop(wishes[0]["reason"], "step" if self.stops_after_step else "epoch")
