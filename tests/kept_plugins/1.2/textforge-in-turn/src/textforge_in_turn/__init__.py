"""An executor that carries out tasks from the last to the first."""

from collections.abc import Iterator
from typing import Any

from textforge import Progress, Task, hookimpl

TEXTFORGE_API = "1.2"


def in_turn(tasks: Iterator[Task], progress: Progress, /, *, announce: bool = True) -> Iterator[tuple[Task, Any]]:
    """Tasks in this process, the last one first.

    Options:
        announce: whether to name each task before it begins.
    """
    for task in reversed([*tasks]):
        if announce:
            progress.stage(f"{task.name} begins")
        yield task, task.work(task.shared, task.folder, progress, **task.arguments)


@hookimpl
def textforge_executors() -> dict[str, Any]:
    return {"in-turn": in_turn}
