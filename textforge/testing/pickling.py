"""Tells whether anything is pickled, or unpickled, meanwhile."""

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


class Pickled(Exception):  # noqa: N818  (it says what was done)
    """Something would have been pickled."""


@contextmanager
def no_pickle() -> Iterator[list[str]]:
    """Refuse pickle inside; the list has what was tried."""
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
