"""What a worker does with a task: fetch its folder and data, work, and send the folder and the result back."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge import TextforgeError
from textforge.errors import Scratch

from textforge_ray.folders import Piece, pieces, unpack
from textforge_ray.messages import Sent


@dataclass(frozen=True)
class Worker:
    """The process that works on a task; the first thing that it sends."""

    node: str
    """IP address."""
    pid: int

    def __str__(self) -> str:
        return f"on {self.node}, process {self.pid}"


@dataclass(frozen=True)
class Outcome:
    """How a task ended, after the pieces of its folder."""

    value: Any = None
    error: BaseException | None = None
    folder: bool = False
    """Whether there is a folder."""


@dataclass(frozen=True)
class Order:
    """A task as it is sent. References to objects stay references, because they are within other objects."""

    name: str
    work: Callable[..., Any]
    arguments: Mapping[str, Any]
    shared: Any
    """Reference to the shared value."""
    place: str | None
    """Path of the folder where the task comes from; None for a task without a folder."""
    content: tuple[Any, ...]
    """References to the pieces of the folder."""
    mailbox: Any


_shared: dict[str, Any] = {}
"""The shared value of the last task of this process, by its reference, so that it is fetched once."""


def carry_out(order: Order) -> Iterator[Worker | Piece | Outcome]:
    """Carry out a task; yield who does, then the pieces of its folder, then the outcome."""
    import ray

    yield Worker(ray.util.get_node_ip_address(), os.getpid())

    progress = Sent(order.name, order.mailbox)
    with Scratch() as scratch:
        folder = None if order.place is None else scratch.path / Path(order.place).name
        if folder is not None and order.content:
            unpack((ray.get(piece) for piece in order.content), folder)
        with progress.printing():
            outcome = _outcome(order, folder, progress)
        if folder is not None and folder.is_dir():
            yield from pieces(folder)
        progress.flush()
    yield outcome


def _outcome(order: Order, folder: Path | None, progress: Sent) -> Outcome:
    value, error = None, None
    try:
        value = order.work(_fetched(order.shared), folder, progress, **order.arguments)
    except Exception as raised:
        error = _sendable(raised, order, str(folder))
    return Outcome(value, error, folder is not None and folder.is_dir())


def _fetched(reference: Any) -> Any:
    import ray

    if (key := reference.hex()) not in _shared:
        _shared.clear()
        _shared[key] = ray.get(reference)
    return _shared[key]


def _sendable(error: Exception, order: Order, here: str) -> Exception:
    """The error with the folder's path at the other end in place of that here; one of another library as text."""
    there = str(order.place)
    notes = [note.replace(here, there) for note in getattr(error, "__notes__", ())]
    if isinstance(error, (TextforgeError, MemoryError)):
        sent = type(error)(str(error).replace(here, there))
    else:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{order.name}: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        sent = TextforgeError(text.replace(here, there))
    for note in notes:
        sent.add_note(note)
    return sent
