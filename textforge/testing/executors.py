"""Contract checks for executors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textforge.errors import DataError, listed
from textforge.runs.progress import Progress
from textforge.runs.tasks import Task, results_of
from textforge.testing.checks import as_contract_error, rule
from textforge.testing.subject import Subject, exercise

NUMBERS = (2, 3, 5)
BEFORE, AFTER = "before.txt", "after.txt"
ADVICE = "Call task.work(task.shared, folder, progress, **task.arguments) for each task, and yield (task, value)."


def multiply(shared: list[int], folder: Path, progress: Progress, *, by: int) -> int:
    """The work of the kit's tasks: read a file of the folder, write one, say something, return a number."""
    text = (folder / BEFORE).read_text(encoding="utf-8")
    (folder / AFTER).write_text(f"{text} {by}", encoding="utf-8")
    progress.stage(f"multiplying by {by}")
    return sum(shared) * by


def fail(shared: None, folder: None, progress: Progress) -> None:
    """Work that fails."""
    raise DataError("no rows.")


class _Stages(Progress):
    """Collects the stages."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)


def _carried_out(subject: Subject, tasks: list[Task], progress: Progress) -> dict[str, Any]:
    """The value of each task by its name."""
    with (
        as_contract_error(subject.label, "while it carried out tasks", ADVICE, DataError),
        results_of(subject.part, iter(tasks), progress) as results,
    ):
        return {task.name: value for task, value in results}


def _tasks(folder: Path) -> Iterator[Task]:
    shared = [1, 10]
    for number in NUMBERS:
        place = folder / str(number)
        place.mkdir(parents=True)
        (place / BEFORE).write_text("brought along", encoding="utf-8")
        yield Task(f"task {number}", multiply, {"by": number}, shared, place)


@exercise("executor")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Carry out a few tasks that share a list and have folders."""
    from textforge.errors import Scratch

    with Scratch() as scratch:
        progress = _Stages()
        found = _carried_out(subject, [*_tasks(scratch.path)], progress)
        after = {str(number): _text(scratch.path / str(number) / AFTER) for number in NUMBERS}
    said = [number for number in NUMBERS if any(f"multiplying by {number}" in stage for stage in progress.stages)]
    return {"values": dict(sorted(found.items())), "files": after, "messages": said}


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


@rule("executor")
def carries_out_every_task(subject: Subject) -> None:
    """Each task gives its value, its folder has what the work wrote, and its messages reach the progress."""
    found = _work(subject)
    values = {f"task {number}": 11 * number for number in NUMBERS}
    if found["values"] != values:
        raise subject.breaks(f"it gave {found['values']} for tasks whose values are {values}.", ADVICE)
    if wrong := [name for name, text in found["files"].items() if text != f"brought along {name}"]:
        raise subject.breaks(
            f"the folders of the tasks {listed(wrong)} do not have what the work wrote.",
            "Give the work the folder of its task, or a copy of it, and bring the copy's files back.",
        )
    if found["messages"] != [*NUMBERS]:
        raise subject.breaks(
            "what the tasks said was not shown.", "Give the work a Progress that calls that of the executor."
        )


@rule("executor")
def raises_the_error_of_a_task(subject: Subject) -> None:
    """A `TextforgeError` that a task raises comes out as it was raised, so that users see the sentence."""
    try:
        _carried_out(subject, [Task("bad", fail)], Progress())
    except DataError as error:
        if str(error) == "no rows.":
            return
        raise subject.breaks(f"the error of a task became '{error}'.", "Raise it as it was.") from error
    raise subject.breaks("a task that failed gave a value.", "Raise the exception of a task.")
