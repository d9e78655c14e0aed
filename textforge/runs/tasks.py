"""Tasks that another machine can carry out, and the executors of plugins that take them there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textforge.components.kinds import EXECUTOR
from textforge.components.manager import PluginManager
from textforge.components.part import Part, part_name, plugin_errors
from textforge.errors import ComponentError, PluginError, RecipeError, listed
from textforge.runs.progress import Progress


@dataclass(frozen=True, eq=False)
class Task:
    """A piece of work for an executor, which calls `work(shared, folder, progress, **arguments)` anywhere.

    All of it but the contents of the folder is pickled. If the process that works on a task ends, the task is done
    again from its beginning.

    Args:
        name: name in messages, such as "seed 3".
        work: a function of a module that can be imported everywhere. It returns plain values, and raises
            `TextforgeError`. It gets a `Progress` that shows its messages where the tasks come from.
        arguments: small values, by name.
        shared: a large value. Tasks in a row that have the same object share it, so it is sent once.
        folder: a folder that `work` reads and changes; it need not exist. Where it is not at the same place,
            `work` gets a copy. At the end, or if `work` raises, the folder has the contents of the copy. None for none.
    """

    name: str
    work: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    shared: Any = None
    folder: Path | None = None


def executor_part(on: str | Part | None, plugins: PluginManager | None = None) -> Part | None:
    """Look up an executor; None for None.

    Args:
        on: its name, or the part.
        plugins: registry in which it is looked up; by default all installed plugins.

    Raises:
        PluginError: no plugin offers it.
        RecipeError: the part is not an executor.
    """
    if isinstance(on, Part):
        if on.component.kind != EXECUTOR:
            raise RecipeError(f"{on.label} cannot be used as executor.")
        return on
    if on is None:
        return None
    plugins = plugins or PluginManager()
    try:
        return plugins.part(EXECUTOR.name, on)
    except PluginError as error:
        if plugins.names(EXECUTOR.name):
            raise
        raise PluginError(
            f"{error} Executors come with plugins, such as that for Ray: pip install textforge-ray"
        ) from error


@contextmanager
def results_of(executor: Part, tasks: Iterator[Task], progress: Progress) -> Iterator[Iterator[tuple[Task, Any]]]:
    """Give tasks to an executor; at the end of the `with` block all that are not done are cancelled.

    Args:
        executor: where to carry them out.
        tasks: each is made when the executor asks for it, which it does when it has room.
        progress: shows what the tasks report.

    Yields:
        An iterator over each task and the value that its `work` returned, in the order in which they are done. It
        raises the exception of a task, and ComponentError if the executor fails.
    """
    with watched_results_of(executor, tasks, progress) as results:
        yield (found for found in results if found is not None)


@contextmanager
def watched_results_of(
    executor: Part, tasks: Iterator[Task], progress: Progress
) -> Iterator[Iterator[tuple[Task, Any] | None]]:
    """As `results_of`, for a caller with a deadline: the iterator also gives the None of an executor that waits."""
    with closing(_results(executor, tasks, progress)) as results:
        yield results


def _results(
    executor: Part, tasks: Iterator[Task], progress: Progress
) -> Generator[tuple[Task, Any] | None, None, None]:
    who, waiting = part_name(executor), list[Task]()

    def given() -> Iterator[Task]:
        for task in tasks:
            waiting.append(task)
            yield task

    found = executor.build({"tasks": given(), "progress": progress})
    with plugin_errors(who, "carrying out tasks"), closing(found):
        for one in found:
            if one is not None:
                if one[0] not in waiting:
                    raise ComponentError(f"{who} gave a result for a task that is not at work.")
                waiting.remove(one[0])
            yield one
    if waiting:
        raise ComponentError(f"{who} gave no result for {listed(task.name for task in waiting)}.")
