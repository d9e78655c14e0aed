"""Random attacks on the input of textforge; the number of a case is its seed, so each can be replayed.

A section is a module with `CASES`, the default number of cases, and `prepare(folder)`, which returns the attack: a
function of a random generator and an empty folder that makes one case and judges its outcome. It may have a `HEAD`, the
head of the first column of its table.
"""

from __future__ import annotations

import copy
import random
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 10
"""Time limit of a case, in seconds; a longer one counts as hanging."""

MEGABYTES = 1000
"""Limit on the address space that a case adds; a damaged file may request more than the machine has."""


class Verdict(NamedTuple):
    """The outcome of one case."""

    kind: str
    """The kind of damage: a row of the table."""

    outcome: str
    """A column of the table, such as 'refused'."""

    failure: str = ""
    """Why this breaks what the page promises; empty if it does not."""

    counts: Mapping[str, int] = {}
    """Further columns of the table, to be added up."""


Attack = Callable[[random.Random, Path], Verdict]


def crash(kind: str, error: BaseException) -> Verdict:
    """The verdict on an exception that is not one of textforge's expected errors."""
    text = " ".join(str(error).split())[:300]
    return Verdict(kind, "crash", f"{type(error).__name__}: {text}")


@contextmanager
def bounded(megabytes: int | None = MEGABYTES) -> Iterator[None]:
    """Limit the time and memory of a case: interrupt it after `SECONDS`, and refuse memory beyond the limit.

    Args:
        megabytes: the limit; None for no limit, for cases that may start the threads of a library.
    """

    def stop(*_: Any) -> None:
        raise TimeoutError(f"took more than {SECONDS} seconds")

    before, old = signal.signal(signal.SIGALRM, stop), resource.getrlimit(resource.RLIMIT_AS)
    if megabytes is not None and sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (megabytes << 20), old[1]))
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, old)


# -- damage ------------------------------------------------------------------------------------


def flip(rng: random.Random, data: bytes) -> bytes:
    """Flip one bit."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def cut_off(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def insert(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.randint(1, 9)) + data[at:]


def delete(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 9) :]


ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 7, 10**9, 2**63, -(2**70), 0.5, -0.1, 1e-320, 1e308, float("inf"), float("nan"),
    "", " ", "x", "x" * 3000, "auto", "balanced", "../../../etc/passwd", "'; true #", "\x1b[31m", "\u202eabc", "\ud800",
    [], {}, [[]], [None], [1, "a", None], ["x", "x"], [10**8] * 3, {"use": None}, {"use": "mlp"}, {"": 1},
    {"a": {"b": {"c": [1]}}},
)  # fmt: skip
"""Values that are rarely intended."""


def edited(rng: random.Random, tree: Any) -> Any:
    """Copy a tree of mappings and lists, with one value changed, removed, renamed, added or moved."""
    path = [*_paths(tree)]
    keys = rng.choice(path)
    if not keys:
        return _odd(rng)
    parent = tree
    for key in keys[:-1]:
        parent = parent[key]
    last = keys[-1]
    way = rng.randrange(6)
    if way == 0:
        del parent[last]
    elif way == 1 and isinstance(parent, dict):
        name = str(last)
        at = rng.randrange(len(name) + 1)
        parent[name[:at] + rng.choice("aeiou_-. é") + name[at + rng.randrange(2) :]] = parent.pop(last)
    elif way == 2 and isinstance(parent, dict):
        parent[rng.choice(("use", "lr", "seed", "model", "extends", "nonsense", "labels", "<<", ""))] = _odd(rng)
    elif way == 3:
        other = tree
        for key in rng.choice(path):
            other = other[key] if isinstance(other, (dict, list)) and _has(other, key) else other
        parent[last] = copy.deepcopy(other)
    else:
        parent[last] = _odd(rng)
    return tree


def _odd(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(ODD))


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        if len(path) < 4 and (not isinstance(key, int) or key < 20):
            yield from _paths(value, (*path, key))


def _has(tree: Any, key: Any) -> bool:
    return key in tree if isinstance(tree, dict) else isinstance(key, int) and key < len(tree)
