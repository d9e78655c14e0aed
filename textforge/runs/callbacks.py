"""Run callbacks, isolated so that a failing plugin cannot break the run."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any

from textforge.components.options import try_call
from textforge.components.part import Part, listed_names, part_name
from textforge.errors import TextforgeError
from textforge.runs.progress import WarningLog

EVENTS = ("started", "epoch_ended", "finished", "failed")
"""The methods that a run calls on a callback; a callback defines at least one of them."""

Added = dict[str, dict[str, float]]
"""Metrics that callbacks add to an epoch or a result: maps a callback's name to its values."""


class Callbacks:
    """Calls the callbacks of a recipe.

    Each callback gets its own copy of plain data, so it cannot change the run. An exception that it raises is
    reported as a warning. Each also gets the metrics added by the callbacks before it in the recipe, so a callback
    that logs metrics should be the last.

    Args:
        parts: the recipe's callbacks.
        folder: the run folder, which callbacks may ask for as the fact `run_folder`.
        warnings: the log to which failures are added.
        stop: asks the run to stop; callbacks may ask for it as the fact `stop`.
    """

    def __init__(self, parts: Sequence[Part], folder: Path, warnings: WarningLog, stop: Callable[[str], None]) -> None:
        self._folder, self._warnings = folder, warnings
        self._callbacks: list[tuple[str, Part, Any]] = []
        for name, part in zip(listed_names(parts), parts, strict=True):
            callback, error = try_call(part.build, {"run_folder": folder, "stop": stop})
            if error:
                self._warn(part, "when it was built", error, "The run continues without it.")
            elif not any(callable(getattr(callback, event, None)) for event in EVENTS):
                found = f"returned a {type(callback).__name__} that has none of the methods {', '.join(EVENTS)}"
                self._warnings.add([f"{part_name(part)} {found}. The run continues without it."])
            else:
                self._callbacks.append((name, part, callback))

    def started(self, run: Mapping[str, Any]) -> None:
        """Report that training is about to begin."""
        self._call("started", run)

    def epoch_ended(self, result: Mapping[str, Any]) -> Added:
        """Report a finished epoch and return the metrics that callbacks add to it."""
        return self._call("epoch_ended", result)

    def finished(self, result: Mapping[str, Any]) -> Added:
        """Report that the run folder is complete and return the metrics that callbacks add to the result."""
        return self._call("finished", result)

    def states(self) -> dict[str, Any]:
        """The state of each callback that offers `state_dict()`, by name, for a checkpoint."""
        from textforge.classifiers.checkpoints.values import split_values

        found = {}
        for name, part, callback in self._callbacks:
            if not callable(method := getattr(callback, "state_dict", None)):
                continue
            state, error = try_call(method)
            if error is None:
                _, error = try_call(split_values, state, f"the state of {part.label}")
            if error:
                self._warn(part, "at 'state_dict'", error, "A run that is continued begins without its state.")
            else:
                found[name] = state
        return found

    def restore(self, states: Mapping[str, Any]) -> None:
        """Give the callbacks the states that `states` returned, each to its `load_state_dict(state)`."""
        for name, part, callback in self._callbacks:
            if name in states and callable(method := getattr(callback, "load_state_dict", None)):
                _, error = try_call(method, states[name])
                if error:
                    self._warn(part, "at 'load_state_dict'", error, "The run continues without its state.")

    @contextmanager
    def reporting_failure(self) -> Iterator[None]:
        """Report any exception, including KeyboardInterrupt, to the callbacks and re-raise it."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            # A signal's Interrupted is a KeyboardInterrupt; callbacks know that name since before signals were handled.
            name = "KeyboardInterrupt" if isinstance(error, KeyboardInterrupt) else type(error).__name__
            self._call("failed", {"type": name, "message": str(error), "path": str(self._folder)})
            raise

    def _call(self, event: str, data: Mapping[str, Any]) -> Added:
        added: Added = {}
        for name, part, callback in self._callbacks:
            method = getattr(callback, event, None)
            if method is None:
                continue
            event_data = {**data, "added": added} if added else data
            found, error = try_call(method, copy.deepcopy(dict(event_data)))
            if error:
                self._warn(part, f"at '{event}'", error, "The run continues.")
            elif found is not None and event in ("epoch_ended", "finished"):
                self._add(added, name, part, event, found)
        return added

    def _add(self, added: Added, name: str, part: Part, event: str, found: Any) -> None:
        if isinstance(found, Mapping) and all(isinstance(key, str) and _is_figure(one) for key, one in found.items()):
            if found:
                added[name] = {key: float(one) for key, one in found.items()}
            return
        self._warnings.add(
            [f"{part_name(part)} returned {found!r:.200} at '{event}'; expected None, or a dict of names to finite "
             "numbers. The value is ignored."]
        )  # fmt: skip

    def _warn(self, part: Part, when: str, error: BaseException, then: str) -> None:
        message = str(error) if isinstance(error, TextforgeError) else f"{type(error).__name__}: {error}".rstrip(": ")
        lead = "" if part.label in message else f"{part_name(part)} failed {when}: "
        self._warnings.add([f"{lead}{message}{'' if message.endswith(('.', '!', '?')) else '.'} {then}"])


def _is_figure(value: Any) -> bool:
    return type(value) is not bool and isinstance(value, Real) and math.isfinite(value)
