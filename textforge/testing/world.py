"""Side effects of a component: output, warnings, random draws, and changes to torch and the process."""

from __future__ import annotations

import io
import itertools
import logging
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import torch

_RUNS = itertools.count(1)
UNSEEN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python hides by default."""


@dataclass
class SideEffects:
    """Side effects recorded by `recording_side_effects`."""

    printed: str = ""
    warned: list[str] = field(default_factory=list)
    random: list[str] = field(default_factory=list)
    """The libraries whose global random state changed."""
    torch: list[str] = field(default_factory=list)
    """Torch settings that changed, each as `name: before -> after`."""
    process: list[str] = field(default_factory=list)
    """Settings of the process that changed, in the same form."""


def _random_states() -> dict[str, Any]:
    return {
        "random": random.getstate(),
        "numpy.random": tuple(part.tobytes() if hasattr(part, "tobytes") else part for part in np.random.get_state()),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def _torch_settings() -> dict[str, Any]:
    return {
        "torch.get_num_threads()": torch.get_num_threads(),
        "torch.get_num_interop_threads()": torch.get_num_interop_threads(),
        "torch.get_default_dtype()": torch.get_default_dtype(),
        "torch.is_grad_enabled()": torch.is_grad_enabled(),
        "torch.are_deterministic_algorithms_enabled()": torch.are_deterministic_algorithms_enabled(),
        "torch.get_float32_matmul_precision()": torch.get_float32_matmul_precision(),
    }


def _process() -> dict[str, Any]:
    """Settings of the process, without environment variables such as _RJEM_MALLOC_CONF that libraries set on import."""
    root = logging.getLogger()
    return {
        "the working directory": os.getcwd(),
        **{f"os.environ['{name}']": value for name, value in os.environ.items() if not name.startswith("_")},
        "the filters of warnings": list(warnings.filters),
        "the level of the root logger": root.level,
        "the handlers of the root logger": list(root.handlers),
        "numpy.geterr()": np.geterr(),
        "sys.path": list(sys.path),
        "sys.stdout": sys.stdout,
        "sys.stderr": sys.stderr,
    }


@contextmanager
def recording_side_effects() -> Iterator[SideEffects]:
    """Record side effects inside the block, and restore everything afterwards.

    Random states are set to new values first; otherwise code that seeds them with a constant would show no change the
    second time. Torch uses one thread, which is fastest for a few short texts. Calls of torch.set_num_threads are
    recorded even if they do not change the number.
    """
    effects = SideEffects()
    with _restored(), warnings.catch_warnings(record=True) as warned, _captured(effects), ExitStack() as patches:
        warnings.simplefilter("always")
        _reseed()
        before = _random_states(), _torch_settings(), _process()
        getter, setter = (
            patches.enter_context(mock.patch.object(torch, name, wraps=getattr(torch, name)))
            for name in ("get_num_threads", "set_num_threads")
        )
        try:
            yield effects
        finally:
            threads = (
                f"torch.set_num_threads({setter.call_args.args[0]})" if setter.called and not getter.called else ""
            )
            after = _random_states(), _torch_settings(), _process()
            effects.random = _changed(before[0], after[0], shown=False)
            effects.torch = [threads] if threads else _changed(before[1], after[1])
            effects.process = _changed(before[2], after[2])
            effects.warned = [
                f"{one.category.__name__}: {' '.join(str(one.message).split())}"
                for one in warned
                if not issubclass(one.category, UNSEEN)
            ]


def _changed(before: dict[str, Any], after: dict[str, Any], *, shown: bool = True) -> list[str]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    plain = (str, int, float, bool, type(None), torch.dtype)
    return [
        f"{name}: {before.get(name)!r} -> {after.get(name)!r}"
        if shown and isinstance(before.get(name), plain) and isinstance(after.get(name), plain)
        else name
        for name in names
    ]


def _reseed() -> None:
    seed = os.getpid() * 1000 + next(_RUNS)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(1)


@contextmanager
def _restored() -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    threads, dtype, gradients = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    deterministic, precision = torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()
    root, folder, environ = logging.getLogger(), os.getcwd(), dict(os.environ)
    level, handlers, errors = root.level, list(root.handlers), np.geterr()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        torch.use_deterministic_algorithms(deterministic)
        torch.set_float32_matmul_precision(precision)
        root.setLevel(level)
        root.handlers[:] = handlers
        np.seterr(**errors)
        os.chdir(folder)
        for name in set(os.environ) - set(environ):
            del os.environ[name]
        os.environ.update(environ)


@contextmanager
def _captured(effects: SideEffects) -> Iterator[None]:
    """Capture stdout and stderr into `effects`, including output that bypasses Python's streams."""
    with tempfile.TemporaryFile() as file:
        undo = [_redirect(number, file.fileno()) for number in (1, 2)]
        streams = sys.stdout, sys.stderr
        stream = io.TextIOWrapper(
            io.FileIO(os.dup(file.fileno()), "w"), encoding="utf-8", errors="backslashreplace", write_through=True
        )
        sys.stdout = sys.stderr = stream
        try:
            yield
        finally:
            stream.close()
            sys.stdout, sys.stderr = streams
            for restore in undo:
                restore()
            file.seek(0)
            effects.printed = file.read().decode("utf-8", "replace")


def _redirect(number: int, target: int) -> Callable[[], None]:
    """Redirect a file descriptor, if it is open, and return a function that restores it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    try:
        kept = os.dup(number)
    except OSError:  # closed, as in a program without a console
        return lambda: None
    os.dup2(target, number)

    def restore() -> None:
        os.dup2(kept, number)
        os.close(kept)

    return restore


@contextmanager
def hiding_side_effects() -> Iterator[None]:
    """Hide and undo all side effects inside the block, because other rules report them.

    Torch uses one thread: a few short texts do not need more, and other tests may run in parallel.
    """
    with _restored(), warnings.catch_warnings(), _captured(SideEffects()):
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        yield
