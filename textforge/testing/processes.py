"""Comparison with a spawned process. One worker process serves the whole session."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, TimeoutError as TooLong
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from types import ModuleType
from typing import Any

import torch

from textforge.errors import listed
from textforge.testing.checks import Skipped
from textforge.testing.digests import differing
from textforge.testing.subject import Subject

TIMEOUT = 300.0
_worker: list[ProcessPoolExecutor] = []


def compare_with_spawned_process(subject: Subject) -> None:
    """Compare the subject's results in this process with its results in a spawned process.

    Raises:
        ContractError: the subject fails there, or gives other results.
        Skipped: the other process cannot import the subject.
    """
    try:
        found = (
            _pool().submit(_work_here, subject.description(), list(sys.path), torch.get_num_threads()).result(TIMEOUT)
        )
    except BrokenProcessPool as error:
        _worker.clear()
        raise subject.breaks(
            "it ended the spawned process it was used in.",
            "Find out with concurrent.futures.ProcessPoolExecutor and the start method 'spawn'.",
        ) from error
    except TooLong as error:
        _worker.clear()  # the worker is stuck; the next check starts another
        raise subject.breaks(
            f"in a spawned process it is not done after {TIMEOUT:g} s.", "Check whether it waits forever."
        ) from error
    if "skipped" in found:
        raise Skipped(found["skipped"])
    if "failed" in found:
        raise subject.breaks(
            f"in a spawned process it fails: {found['failed']}",
            "It may depend on state of the first process: a global, a file it wrote, an environment variable.",
        )
    if other := differing(subject.first.digests, found["digests"]):
        raise subject.breaks(
            f"in a spawned process these results differ: {listed(other)}.",
            "Hashes of texts differ between processes: iterate over sorted(…) instead of a set, "
            "and use hashlib instead of hash().",
        )


def _pool() -> ProcessPoolExecutor:
    if not _worker:
        _worker.append(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        with _other_hashes(), _without_script():
            _worker[0].submit(os.getpid).result()  # starts the process
    return _worker[0]


@contextmanager
def _without_script() -> Iterator[None]:
    """Hide the script that runs: a process started inside the block would run it again, up to the same call."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def _other_hashes() -> Iterator[None]:
    """Set PYTHONHASHSEED so that a process started inside the block hashes texts differently from this one."""
    given = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "1" if given != "1" else "2"
    try:
        yield
    finally:
        if given is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = given


def _work_here(described: dict[str, Any], path: list[str], threads: int) -> dict[str, Any]:
    """Run the subject's ordinary work in this process and return its digests, or why it failed or was skipped."""
    from textforge.testing import rules_for

    sys.path[:] = path
    torch.set_num_threads(threads)
    rules_for(described["kind"])  # registers the kind's ordinary work
    try:
        subject = Subject.from_description(described)
    except (ImportError, AttributeError) as error:
        return {"skipped": f"another process cannot import it ({error})."}
    result = subject.do_ordinary_work()
    if isinstance(result.failed, Skipped):
        return {"skipped": str(result.failed)}
    return {"failed": str(result.failed)} if result.failed else {"digests": result.digests}
