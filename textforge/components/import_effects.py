"""What an import takes and changes in its process: seconds, random states, threads, signals, filters of warnings, …"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import Any


@dataclass
class Effects:
    """Recorded by `watching`."""

    seconds: float = 0.0
    """Wall time, a sleep or a request included, but without the time in which other processes had the processor."""
    changed: list[str] = field(default_factory=list)
    """What differs from before, such as "the global random state"."""


@contextmanager
def watching(package: str) -> Iterator[Effects]:
    """Record what the code inside the block takes and changes. Nothing is restored.

    A library that the code imports may set filters of warnings itself, as numpy does; those are not recorded.

    Args:
        package: the top-level package whose code runs inside the block.
    """
    effects, libraries = Effects(), _Libraries()
    before = _world()
    began, waited = time.perf_counter(), _waited()
    sys.meta_path.insert(0, libraries)
    with _recorded_filters() as callers:
        try:
            yield effects
        finally:
            effects.seconds = time.perf_counter() - began - (_waited() - waited)
            sys.meta_path.remove(libraries)
    after = {**_world(), **libraries.states()}
    before |= libraries.before
    effects.changed = [name for name, value in before.items() if value != after[name]]
    if FILTERS in effects.changed and callers and package not in callers:
        effects.changed.remove(FILTERS)


def _waited() -> float:
    """Seconds in which this thread could have run but others had the processor; 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError), open("/proc/thread-self/schedstat") as figures:
        return int(figures.read().split()[1]) / 1e9
    return 0.0


FILTERS = "the filters of warnings"


def _world() -> dict[str, Any]:
    root = logging.getLogger()
    return {
        "the working directory": os.getcwd(),
        "os.environ": sorted(one for one in os.environ.items() if not one[0].startswith("_")),
        "the level of the root logger": root.level,
        "the handlers of the root logger": len(root.handlers),
        "the global random state": hash(random.getstate()),
        "the running threads": sorted(thread.name for thread in threading.enumerate()),
        "the handlers of signals": {number: _handler(number) for number in signal.valid_signals()},
        FILTERS: [str(one) for one in warnings.filters],
    }


def _handler(number: int) -> str:
    with suppress(OSError, ValueError):  # signals that have no handler
        return repr(signal.getsignal(number))
    return ""


@contextmanager
def _recorded_filters() -> Iterator[set[str]]:
    """Record the top-level packages that set filters of warnings inside the block."""
    callers: set[str] = set()

    def recorded(function: Callable[..., None]) -> Callable[..., None]:
        def record(*arguments: Any, **options: Any) -> None:
            callers.add(str(sys._getframe(1).f_globals.get("__name__", "")).partition(".")[0])
            function(*arguments, **options)

        return record

    functions = {name: getattr(warnings, name) for name in ("filterwarnings", "simplefilter", "resetwarnings")}
    for name, function in functions.items():
        setattr(warnings, name, recorded(function))
    try:
        yield callers
    finally:
        for name, function in functions.items():
            setattr(warnings, name, function)


class _Libraries(MetaPathFinder):
    """Records the state of a library right after its import, to compare it with the state at the end."""

    def __init__(self) -> None:
        self.before: dict[str, Any] = {}
        self._seen: set[str] = set()
        for name in _LIBRARIES:
            if name in sys.modules:
                self._seen.add(name)
                self.before |= _LIBRARIES[name](sys.modules[name])

    def states(self) -> dict[str, Any]:
        """The present state of all libraries that have been imported."""
        return {key: value for name in self._seen if name in sys.modules
                for key, value in _LIBRARIES[name](sys.modules[name]).items()}  # fmt: skip

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in _LIBRARIES or name in self._seen:
            return None
        self._seen.add(name)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                self.before |= _LIBRARIES[name](module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _of_numpy(module: Any) -> dict[str, Any]:
    return {"numpy's global random state": repr([part.tolist() if hasattr(part, "tolist") else part
                                                 for part in module.get_state()])}  # fmt: skip


def _of_torch(module: Any) -> dict[str, Any]:
    return {
        "torch's global random state": module.get_rng_state().tolist(),
        "torch's number of threads": module.get_num_threads(),
        "torch's default dtype": str(module.get_default_dtype()),
    }


_LIBRARIES: dict[str, Callable[[Any], dict[str, Any]]] = {"numpy.random": _of_numpy, "torch": _of_torch}
