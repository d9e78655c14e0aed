"""Executors for the tests of the contract kit: good ones, and ones that break a rule."""

import shutil
import tempfile
from pathlib import Path

from textforge import Progress


def good(tasks, progress, /):
    """Carry out tasks here, one after another."""
    for task in tasks:
        yield task, task.work(task.shared, task.folder, progress, **task.arguments)


def copying(tasks, progress, /):
    """Carry out tasks in copies of their folders."""
    for task in tasks:
        with tempfile.TemporaryDirectory() as place:
            there = Path(place) / "copy"
            if task.folder is not None:
                shutil.copytree(task.folder, there)
            value = task.work(task.shared, there, progress, **task.arguments)
            if task.folder is not None:
                shutil.rmtree(task.folder)
                shutil.copytree(there, task.folder)
        yield task, value


def forgetful(tasks, progress, /):
    """Never bring the files back."""
    for task in tasks:
        with tempfile.TemporaryDirectory() as place:
            if task.folder is None:
                yield task, task.work(task.shared, None, progress, **task.arguments)
            else:
                there = shutil.copytree(task.folder, Path(place) / "copy")
                yield task, task.work(task.shared, there, progress, **task.arguments)


def rounding(tasks, progress, /):
    """Give other values."""
    for task, value in good(tasks, progress):
        yield task, 0 * value


def mute(tasks, progress, /):
    """Show nothing."""
    yield from good(tasks, Progress())


def wrapping(tasks, progress, /):
    """Raise errors of its own."""
    for task in tasks:
        try:
            value = task.work(task.shared, task.folder, progress, **task.arguments)
        except Exception as error:
            raise RuntimeError(f"task failed: {error}") from error
        yield task, value


def forgiving(tasks, progress, /):
    """Give a value for a task that failed."""
    for task in tasks:
        try:
            yield task, task.work(task.shared, task.folder, progress, **task.arguments)
        except Exception:
            yield task, None


def dropping(tasks, progress, /):
    """Leave out the last task."""
    found = [*good(tasks, progress)]
    yield from found[:-1]
