"""Detects use of pickle."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch

WATCHED = (
    (pickle, ("dump", "dumps", "load", "loads", "Pickler", "Unpickler")),
    (torch, ("save", "load")),
)


class Pickled(Exception):  # noqa: N818  (the name says what was attempted)
    """Code tried to pickle or unpickle."""


@contextmanager
def no_pickle() -> Iterator[list[str]]:
    """Make pickle, torch.save and torch.load raise inside the block; yields the names of the functions called."""
    used: list[str] = []

    def refused(name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            used.append(name)
            raise Pickled(name)

        return refuse

    patches = [mock.patch.object(module, name, refused(f"{module.__name__}.{name}"))
               for module, names in WATCHED for name in names]  # fmt: skip
    for patch in patches:
        patch.start()
    try:
        yield used
    finally:
        for patch in patches:
            patch.stop()
