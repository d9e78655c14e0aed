"""How long a training goes on: planned epochs, patience, and requests to stop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args

from textforge.errors import RecipeError
from textforge.training.step_result import StepResult

StopAfter = Literal["step", "epoch"]
OnStep = Callable[[StepResult], object]


class Steering:
    """Decides when a training ends.

    Args:
        epochs: the planned number of epochs.
        patience: epochs to wait for an improvement; None waits for all planned epochs.
    """

    def __init__(self, epochs: int, patience: int | None) -> None:
        self.epochs: int = epochs
        self.patience: int | None = patience
        self.requested: str | None = None
        """The reason that a caller gave for stopping; None if nobody asked."""
        self.stops_after_step: bool = False
        """Whether to end the epoch after the current step."""
        self._patient_since = 0

    def stop(self, reason: str, after: StopAfter) -> None:
        """Ask to stop; the first reason is kept. May be called from another thread.

        Raises:
            RecipeError: `after` is neither 'step' nor 'epoch'.
        """
        if after not in get_args(StopAfter):
            raise RecipeError(f"stop: after must be 'step' or 'epoch', not {after!r}.")
        self.requested = reason if self.requested is None else self.requested
        self.stops_after_step |= after == "step"

    def extend(self, done: int, epochs: int) -> None:
        """Plan more epochs after the `done` ones, whatever was planned; patience counts from here.

        Raises:
            RecipeError: `epochs` is not a whole number of at least 1.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise RecipeError(f"train: epochs must be a whole number of at least 1, not {epochs!r}.")
        self.epochs, self._patient_since = done + epochs, done
        self.requested, self.stops_after_step = None, False

    def finished(self, done: int, best: int | None) -> bool:
        """Whether `done` epochs are enough, of which `best` is the number of the best one."""
        return done >= self.epochs or self.requested is not None or self._out_of_patience(done, best)

    def reason(self, done: int, best: int | None) -> str | None:
        """Why training ended before all planned epochs were done; None if they are done, or it goes on."""
        if self.requested is not None:
            return self.requested
        if done < self.epochs and self._out_of_patience(done, best):
            return f"no improvement for {self.patience} epoch{'s' if self.patience != 1 else ''} (trainer.patience)"
        return None

    def _out_of_patience(self, done: int, best: int | None) -> bool:
        if self.patience is None or best is None:
            return False
        return done - max(best, self._patient_since) >= self.patience

    def state(self) -> dict[str, Any]:
        return {
            "epochs": self.epochs,
            "patient_since": self._patient_since,
            "stop": self.requested,
            "stops_after_step": self.stops_after_step,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.epochs, self._patient_since = state["epochs"], state["patient_since"]
        self.requested, self.stops_after_step = state["stop"], state["stops_after_step"]


def checked_on_step(on_step: Any) -> OnStep | None:
    """Return `on_step` if it can be called with a `StepResult`.

    Raises:
        RecipeError: it cannot.
    """
    if on_step is None:
        return None
    advice = "Give a function of one argument, a textforge.StepResult with epoch, step, steps, loss and more."
    if not callable(on_step):
        raise RecipeError(f"on_step: a {type(on_step).__name__} cannot be called. {advice}")
    try:
        inspect.signature(on_step).bind(None)
    except TypeError as error:
        raise RecipeError(f"on_step cannot be called with one argument: {error}. {advice}") from error
    except ValueError:  # some functions in C have no signature
        pass
    found: OnStep = on_step
    return found
