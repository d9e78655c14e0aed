"""Messages of the workers, collected in an actor and shown where the tasks come from."""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

from textforge import EpochResult, Progress

STAGE, WARNING = "stage", "warning"
MOST = 10_000
"""Messages that are kept until they are shown; the oldest go first."""
EVERY = 10.0
"""Seconds between two messages about the answers of a task."""
PATIENCE = 10.0
"""Seconds to wait for the actor."""

Message = tuple[str, str, str]
"""Name of the task, kind of the message, text."""


class Mailbox:
    """Keeps the messages of all workers until they are taken; runs as an actor."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=MOST)

    def post(self, message: Message) -> None:
        self._messages.append(message)

    def take(self) -> list[Message]:
        """All messages since the last call."""
        taken = [*self._messages]
        self._messages.clear()
        return taken


_mailboxes: dict[str, Any] = {}
"""The actor of each connection to a cluster; its process takes a second to start."""


def _mailbox() -> Any:
    """The mailbox of this connection, on the node of this process."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    context = ray.get_runtime_context()
    job = f"{context.gcs_address} {context.get_job_id()}"
    if job not in _mailboxes:
        actor: Any = ray.remote(num_cpus=0)(Mailbox)
        here = NodeAffinitySchedulingStrategy(context.get_node_id(), soft=False)
        _mailboxes.clear()
        _mailboxes[job] = actor.options(scheduling_strategy=here).remote()
    return _mailboxes[job]


class Inbox:
    """Shows the messages of the workers.

    Args:
        progress: shows them.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._asked: Any = None
        self.mailbox: Any = _mailbox()

    def show_all(self) -> None:
        """Wait for all messages that have been sent, and show them."""
        self.show(PATIENCE)
        self.show(PATIENCE)  # what was sent after the question that was still open

    def show(self, patience: float = 0.0) -> None:
        """Show the messages that have arrived; wait so many seconds for them.

        What is not there in time is shown by a later call: the actor gives each message once.
        """
        import ray

        self._asked = self._asked or self.mailbox.take.remote()
        if not ray.wait([self._asked], timeout=patience)[0]:
            return
        asked, self._asked = self._asked, None
        try:
            messages = ray.get(asked)
        except ray.exceptions.RayError:  # progress only: the tasks go on without it
            return
        for name, kind, text in messages:
            show = self._progress.warning if kind == WARNING else self._progress.stage
            show(f"{name}: {text}")


class Sent(Progress):
    """Progress of a task on a worker, sent to the mailbox.

    Args:
        name: the name of the task.
        mailbox: the actor.
    """

    def __init__(self, name: str, mailbox: Any) -> None:
        self._name, self._mailbox = name, mailbox
        self._last: Any = None
        self._shown = time.monotonic()

    def stage(self, text: str) -> None:
        self._last = self._mailbox.post.remote((self._name, STAGE, text))

    def warning(self, text: str) -> None:
        self._last = self._mailbox.post.remote((self._name, WARNING, text))

    def epoch(self, result: EpochResult, epochs: int) -> None:
        text = f"epoch {result.number} of {epochs}: train loss {result.train_loss:.4g}"
        if result.valid:
            text += f", valid loss {result.valid['loss']:.4g}, accuracy {result.valid['accuracy']:.4f}"
        self.stage(f"{text}, {result.seconds:.2f} s")

    def predicted(self, done: int) -> None:
        if time.monotonic() - self._shown >= EVERY:
            self._shown = time.monotonic()
            self.stage(f"{done:,} answers so far")

    def flush(self) -> None:
        """Wait until everything has arrived, so that the messages of a task are shown before its result."""
        import ray

        if self._last is not None:
            with suppress(ray.exceptions.RayError):
                ray.get(self._last, timeout=PATIENCE)

    @contextmanager
    def printing(self) -> Iterator[None]:
        """Send what is printed in the `with` block, a message for each line."""
        with redirect_stdout(_Lines(self)), redirect_stderr(_Lines(self)):
            yield


class _Lines(io.TextIOBase):
    """A text stream that sends each line as a message."""

    def __init__(self, sent: Sent) -> None:
        self._sent, self._begun = sent, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = f"{self._begun}{text}".split("\n")
        for line in lines:
            if line.strip():
                self._sent.stage(line)
        return len(text)
