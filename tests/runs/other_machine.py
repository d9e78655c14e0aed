"""An executor that treats this process as another machine: tasks are pickled, and folders are copied."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textforge import Part, PluginManager, Progress, Task, hookimpl

Executor = Callable[..., Iterator[tuple[Task, Any]]]


def backwards(tasks: Iterator[Task], progress: Progress, /) -> Iterator[tuple[Task, Any]]:
    """Carry out the tasks from the last to the first, away from their folders."""
    for task in reversed([*tasks]):
        yield task, carried_out(task, progress)


def carried_out(task: Task, progress: Progress) -> Any:
    """The value of a task, which is pickled on its way there and back."""
    work, shared, arguments = pickle.loads(pickle.dumps((task.work, task.shared, dict(task.arguments))))
    with tempfile.TemporaryDirectory() as place:
        there = Path(place) / "work"
        if task.folder is not None and task.folder.is_dir():
            shutil.copytree(task.folder, there)
        try:
            value = work(shared, None if task.folder is None else there, progress, **arguments)
        finally:
            if task.folder is not None:
                shutil.rmtree(task.folder, ignore_errors=True)
                if there.is_dir():
                    shutil.copytree(there, task.folder)
    return pickle.loads(pickle.dumps(value))


def manager(*executors: Executor) -> PluginManager:
    """A plugin manager with these executors, named after their functions."""

    @hookimpl
    def textforge_executors() -> dict[str, Executor]:
        return {one.__name__: one for one in executors}

    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_executors=textforge_executors), "elsewhere")
    return plugins


def executor(work: Executor) -> Part:
    """An executor as a part."""
    return manager(work).part("executor", work.__name__)
