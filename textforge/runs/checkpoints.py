"""Checkpoints of a run: when to save one, what it holds, which to keep."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.checkpointing import NEVER, CheckpointSettings, Interval, interval_of
from textforge.errors import ComponentError, StorageError
from textforge.errors.temporaries import take_away
from textforge.runs import folder as run_folder
from textforge.runs.interruption import Interrupted

if TYPE_CHECKING:
    from textforge.classifiers.bundles.state import State
    from textforge.runs.callbacks import Callbacks
    from textforge.runs.plan import RunPlan
    from textforge.runs.resuming import Saved
    from textforge.training.step_result import StepResult
    from textforge.training.trainer import Trainer

SHARE = 0.02
"""With 'auto', the largest share of the time that checkpoints after epochs take."""
LONGEST = 300.0
"""With 'auto', the seconds after which one is saved within an epoch, whatever it takes."""
LEAST, SPEED, COPIES = 0.1, 50e6, 3
"""Guess of what one takes before one was measured: seconds in any case, bytes per second, bytes per byte of weights."""
_NAME = re.compile(r"epoch-([0-9]+)-(end|step-([0-9]+))")


class Checkpoints:
    """Saves the state of a run in training.

    Args:
        plan: the run.
        trainer: its trainer, prepared.
        callbacks: its callbacks, whose state is saved where they have one.
        vectorizer: the state of the fitted vectorizer, of which the digest is saved.
    """

    def __init__(self, plan: RunPlan, trainer: Trainer, callbacks: Callbacks, vectorizer: State) -> None:
        self._plan, self._trainer, self._callbacks, self._vectorizer = plan, trainer, callbacks, vectorizer
        self.log: list[str] = []
        """The lines of metrics.jsonl, one for each finished epoch."""
        self._settings: CheckpointSettings = plan.recipe.trainer.checkpoint
        self._folder = plan.path / run_folder.CHECKPOINTS
        self._impossible = trainer.fits_itself
        self._latest: Path | None = None
        self._digest: str | None = None
        self._schedule = Schedule(self._settings, _guessed_cost(trainer))

    def restored(self, saved: Saved) -> None:
        """Go on after a checkpoint whose state the trainer has loaded."""
        self.log = [*saved.log]
        self._callbacks.restore(saved.callbacks)

    def saved_before(self, name: str) -> None:
        """The checkpoint of this position is in the folder already."""
        self._latest = self._folder / name

    def begin(self) -> None:
        """Training begins now. Warn if it could not be continued from a checkpoint."""
        self._schedule.begin()
        why = None if self._impossible else self._trainer.no_state
        if why is not None:
            self._refuse(why)

    def stepped(self, done: StepResult) -> None:
        """A step is done: save a checkpoint if it is time, or if the program is to end.

        Raises:
            Interrupted: the program is to end.
        """
        if self._schedule.after_step():
            self.write()
        self._heed()

    def epoch_ended(self, line: str) -> None:
        """An epoch is done, and its line of metrics.jsonl written.

        Raises:
            Interrupted: the program is to end.
        """
        self.log.append(line)
        if self._schedule.after_epoch():
            self.write()
        self._heed()

    def _heed(self) -> None:
        workers = self._plan.workers
        # Several processes end after the same step.
        if self._plan.interruption.number is not None if workers is None else workers.ending:
            self.write()
            raise Interrupted(self._plan.interruption.number or signal.SIGTERM)

    def write(self) -> None:
        """Save a checkpoint, and delete the oldest; a warning if that fails, since training itself is not affected."""
        if self._impossible or not self._plan.writes:
            return
        from textforge.classifiers.checkpoints.folder import write_checkpoint

        began = time.monotonic()
        try:
            state = self._state()
            path = self._folder / position(state["trainer"])
            if path == self._latest:
                return
            if path.exists():  # a damaged one, after which training began again from an earlier one
                take_away(path)
            write_checkpoint(path, state)
        except ComponentError as error:
            self._refuse(str(error))
            return
        except StorageError as error:
            self._plan.warnings.add([f"a checkpoint could not be saved, so training goes on without it: {error}"])
        else:
            self._latest = path
            for old in saved_checkpoints(self._plan.path)[self._settings.keep :]:
                take_away(old)
        self._schedule.saved(time.monotonic() - began)

    def _refuse(self, why: str) -> None:
        self._impossible = True
        self._plan.warnings.add([f"no checkpoints are saved, so this run begins anew if it is stopped: {why}"])

    def _state(self) -> dict[str, Any]:
        run = {
            "log": [*self.log],
            "warnings": [*self._plan.warnings.messages],
            "seconds": self._plan.clock.spent("train"),
            "vectorizer": self.vectorizer_digest(),
        }
        return {"trainer": self._trainer.state_dict(), "run": run, "callbacks": self._callbacks.states()}

    def vectorizer_digest(self) -> str:
        """The SHA-256 of what the vectorizer has learned."""
        if self._digest is None:
            arrays, values = self._vectorizer
            found = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
            for name, array in sorted(arrays.items()):
                found.update(f"\n{name}:{array.dtype}:{array.shape}:".encode())
                found.update(array.tobytes())
            self._digest = found.hexdigest()
        return self._digest


class Schedule:
    """Decides when to save a checkpoint.

    With 'auto', one is saved after an epoch if all of them then take at most `SHARE` of the time of training, and
    within an epoch if the last is `LONGEST` seconds ago.

    Args:
        settings: how often.
        cost: the seconds that one is thought to take, until one was measured.
    """

    def __init__(self, settings: CheckpointSettings, cost: float) -> None:
        self._every: Interval | None = interval_of(settings)
        self._never = settings.every == NEVER
        self._cost, self._spent = cost, 0.0
        self._steps = self._epochs = 0
        self._began = self._last = time.monotonic()

    def begin(self) -> None:
        """Training begins now."""
        self._began = self._last = time.monotonic()

    def after_step(self) -> bool:
        """Count a step; whether to save a checkpoint."""
        self._steps += 1
        return self._due("step", self._steps)

    def after_epoch(self) -> bool:
        """Count an epoch; whether to save a checkpoint."""
        self._epochs += 1
        if self._every is None and not self._never:
            return self._spent + self._cost <= SHARE * (time.monotonic() - self._began)
        return self._due("epoch", self._epochs)

    def saved(self, seconds: float) -> None:
        """A checkpoint was saved in so many seconds."""
        self._cost, self._spent, self._last = seconds, self._spent + seconds, time.monotonic()

    def _due(self, unit: str, done: int) -> bool:
        if self._never:
            return False
        every = self._every or Interval(int(LONGEST), "second")
        if every.unit == "second":
            return unit == "step" and time.monotonic() - self._last >= every.number
        return every.unit == unit and done % every.number == 0


def _guessed_cost(trainer: Trainer) -> float:
    return LEAST + COPIES * trainer.n_bytes / SPEED


def position(state: dict[str, Any]) -> str:
    """The name of a checkpoint: the epoch, and the step within an epoch that is not finished."""
    progress = state["progress"]
    if progress is None:
        return f"epoch-{len(state['history'])}-end"
    return f"epoch-{progress['epoch']}-step-{progress['step']}"


def saved_checkpoints(run: Path) -> list[Path]:
    """The checkpoints in a run folder, the furthest first."""
    folder = run / run_folder.CHECKPOINTS
    found = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()] if folder.is_dir() else []
    places = [(int(name[1]), float("inf") if name[3] is None else int(name[3]), path) for name, path in found if name]
    return [path for *_, path in sorted(places, reverse=True)]
