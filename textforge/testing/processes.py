"""The same component in a spawned process: one worker serves a whole session."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, TimeoutError as TooLong
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import torch

from textforge.errors import listed
from textforge.testing.checks import Skipped
from textforge.testing.digests import differing
from textforge.testing.subject import Subject

TIMEOUT = 300.0
_worker: list[ProcessPoolExecutor] = []


def hold_to_itself_elsewhere(subject: Subject) -> None:
    """Compare what the subject makes here with what it makes in a spawned process.

    Raises:
        ContractError: it fails there, or makes something else.
        Skipped: the process cannot import it.
    """
    try:
        found = _pool().submit(_look, subject.described(), list(sys.path), torch.get_num_threads()).result(TIMEOUT)
    except BrokenProcessPool as error:
        _worker.clear()
        raise subject.breaks(
            "it ended the spawned process it was used in.",
            "Find out with concurrent.futures.ProcessPoolExecutor and the start method 'spawn'.",
        ) from error
    except TooLong as error:
        _worker.clear()  # it is stuck; the next check gets another
        raise subject.breaks(
            f"in a spawned process it is not done after {TIMEOUT:g} s.", "Does it wait for ever?"
        ) from error
    if "skipped" in found:
        raise Skipped(found["skipped"])
    if "failed" in found:
        raise subject.breaks(
            f"in a spawned process it fails: {found['failed']}",
            "It may rest on what only the first process has: a global, a file it wrote, an environment variable.",
        )
    if other := differing(subject.first.digests, found["digests"]):
        raise subject.breaks(
            f"in a spawned process its {listed(other)} came out otherwise.",
            "Hashes of texts differ from process to process: go through no set in its own order (sorted(…)), "
            "and use hashlib in the place of hash().",
        )


def _pool() -> ProcessPoolExecutor:
    if not _worker:
        _worker.append(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        with _other_hashes():
            _worker[0].submit(os.getpid).result()  # which starts it
    return _worker[0]


@contextmanager
def _other_hashes() -> Iterator[None]:
    """A process that is started meanwhile hashes texts otherwise than this one, whatever this one was told."""
    given = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "1" if given != "1" else "2"
    try:
        yield
    finally:
        if given is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = given


def _look(described: dict[str, Any], path: list[str], threads: int) -> dict[str, Any]:
    """What the subject makes, in this process."""
    from textforge.testing import rules_for

    sys.path[:] = path
    torch.set_num_threads(threads)
    rules_for(described["kind"])  # which makes its ordinary work known
    try:
        subject = Subject.from_description(described)
    except (ImportError, AttributeError) as error:
        return {"skipped": f"another process cannot import it ({error})."}
    look = subject.look()
    if isinstance(look.failed, Skipped):
        return {"skipped": str(look.failed)}
    return {"failed": str(look.failed)} if look.failed else {"digests": look.digests}
