"""Answer many files on a cluster, each as a task: streamed, in bounded memory, and done once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from textforge import DataError, Progress, Task, TextforgeError, predict_file

from textforge_ray.answered_files import AnsweredFiles, Source, digest
from textforge_ray.executor import ray_tasks
from textforge_ray.sent_run import SentRun

INPUT, OUTPUT = "input", "output"
"""Folders of a task: the input, if it is sent, and the answers."""
ABSENT = "absent"
"""Value of a task whose input file is not where it works."""


@dataclass(frozen=True)
class PredictionOptions:
    """The options of `predict_file` that a user gives."""

    text: tuple[str, ...] = ()
    top: int = 0
    prefix: str = ""
    options: tuple[str, ...] = ()
    form: str | None = None
    mark: bool = False


@dataclass
class Predicted:
    """What became of the files."""

    answered: dict[str, int] = field(default_factory=dict)
    """Number of rows of each file that was answered now, by its name."""
    skipped: list[str] = field(default_factory=list)
    """Files that were answered before."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why a file has no answers, by its path."""


def predict_files(
    run: SentRun,
    files: Sequence[Source],
    output: Path,
    options: PredictionOptions,
    *,
    force: bool = False,
    progress: Progress,
    **on: Any,
) -> Predicted:
    """Answer each file that has no answers yet. A file that cannot be answered does not stop the others.

    Args:
        run: the classifier.
        files: the input files.
        output: the folder of the answers.
        options: how to answer.
        force: replace other answers.
        progress: shows what is done.
        on: options of the executor: `address`, `cpus`, `retries`.

    Raises:
        RecipeError: the folder holds other answers, and `force` is False.
        TextforgeError: the cluster cannot be used.
    """
    kept, found = AnsweredFiles(output, run.digest, _written(options)), Predicted()
    done = {source: kept.is_done(source, force=force) for source in files}  # before anything is started
    found.skipped = [source.name for source, is_done in done.items() if is_done]
    if found.skipped:
        progress.stage(f"{len(found.skipped):,} of {len(files):,} files are answered already")
    waiting = [source for source, is_done in done.items() if not is_done]
    work = _Work(run, kept, options, found, progress)
    if waiting and (absent := work.carry_out(waiting, on)):
        progress.stage(f"{len(absent):,} files cannot be read where the workers are, so they are sent")
        work.carry_out(absent, on, send=True)
    return found


def _written(options: PredictionOptions) -> dict[str, Any]:
    return {name: [*value] if isinstance(value, tuple) else value for name, value in asdict(options).items()}


@dataclass
class _Work:
    """The tasks of the files, and what becomes of them."""

    run: SentRun
    kept: AnsweredFiles
    options: PredictionOptions
    found: Predicted
    progress: Progress

    def carry_out(self, files: Iterable[Source], on: dict[str, Any], *, send: bool = False) -> list[Source]:
        """Answer files; return those that no worker can read."""
        by_name, absent = {source.name: source for source in files}, list[Source]()
        tasks = (self._task(source, send) for source in by_name.values())
        for found in ray_tasks(tasks, self.progress, **on):
            if found is None:
                continue
            task, value = found
            source = by_name[task.name]
            if value == ABSENT:
                absent.append(source)
            elif "failed" in value:
                self.found.failed[str(source.path)] = value["failed"]
                self.progress.warning(f"{source.path}: {value['failed']}")
            else:
                assert task.folder is not None
                self.kept.keep(source, task.folder / OUTPUT / Path(source.name).name, value)
                self.found.answered[source.name] = value["rows"]
                self.progress.stage(f"{source.name}: {value['rows']:,} answers")
                for warning in value["warnings"]:
                    self.progress.warning(f"{source.name}: {warning}")
            shutil.rmtree(self.kept.work_folder(source), ignore_errors=True)
        return absent

    def _task(self, source: Source, send: bool) -> Task:
        folder = self.kept.work_folder(source)
        shutil.rmtree(folder, ignore_errors=True)
        if send and source.path.is_file():
            (folder / INPUT).mkdir(parents=True)
            (folder / INPUT / source.path.name).symlink_to(source.path)  # the file itself is sent
        arguments = {"source": source, "options": self.options, "sent": send}
        return Task(source.name, answer, arguments, self.run, folder)


def answer(
    shared: SentRun, folder: Path, progress: Progress, *, source: Source, options: PredictionOptions, sent: bool
) -> dict[str, Any] | str:
    """The work of a task: answer a file.

    Args:
        shared: the classifier.
        folder: has the input, if it was sent; gets the answers.
        progress: shows the rows that are answered.
        source: the file.
        options: how to answer.
        sent: whether the input was sent.

    Returns:
        The fields of a `Record`, or why there is none under `failed`; or ABSENT.
    """
    path = folder / INPUT / source.path.name if sent else source.path
    here = Source.of(path, source.name)
    if not sent and (here.size, here.changed) != (source.size, source.changed):
        return ABSENT
    try:
        if here.size < 0:
            raise DataError("it has vanished.")
        before = digest(path)
        target = folder / OUTPUT / Path(source.name).name
        target.parent.mkdir(parents=True)
        done = predict_file(shared.path, path, target, classifier=shared.classifier, progress=progress, **vars(options))
        if Source.of(path, source.name) != here:
            raise DataError("it has changed while it was read.")
    except (TextforgeError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        return {"failed": str(error).removeprefix(f"{path}: ")}
    shutil.rmtree(folder / INPUT, ignore_errors=True)  # which need not go back
    return {
        "input": before, "input_size": source.size, "input_changed": source.changed, "rows": done.n,
        "warnings": [*done.warnings],
    }  # fmt: skip


def failures(found: Predicted, most: int = 20) -> str:
    """A phrase for each file that has no answers, for `most` of them."""
    phrases = [f"{path}: {why.rstrip('.')}" for path, why in [*found.failed.items()][:most]]
    more = len(found.failed) - len(phrases)
    return "; ".join(phrases) + (f"; and {more:,} more" if more else "")
