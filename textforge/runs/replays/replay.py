"""Train a finished run again in another process, and say whether it gives the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textforge.classifiers.storage import sha256
from textforge.components.manager import PluginManager
from textforge.errors import BundleError, DataUnavailable, PluginError, RecipeError, Scratch, TextforgeError
from textforge.recipes.given_data import GIVEN
from textforge.runs import folder as run_folder
from textforge.runs.environment import environment_now, packages_now
from textforge.runs.environment_changes import Change, environment_changes, read_environment
from textforge.runs.own_data import own_dataset
from textforge.runs.progress import Progress
from textforge.runs.replays import training_again
from textforge.runs.replays.comparison import (
    NAMES,
    Compared,
    compare_folds,
    compare_runs,
    differing_data,
    located_weights,
)
from textforge.runs.replays.training_again import Command, cross_validate_again, train_again


@dataclass(frozen=True)
class Replay:
    """What a replay of a run, of a cross-validation, or of the runs of several seeds found."""

    path: Path
    """The folder that was replayed."""
    compared: tuple[Compared, ...] = ()
    """Each kind of result, in the order in which a run makes them. Empty for several seeds."""
    changes: tuple[Change, ...] = ()
    """Differences between the environments, the likeliest reason for other results first."""
    runs: tuple[Replay, ...] = ()
    """The replay of each seed."""
    out: Path | None = None
    """The folder of the new run, if it was kept."""
    recorded: bool = True
    """Whether the run recorded digests of its packages. Runs of format 1 did not."""

    @property
    def same(self) -> bool:
        """Whether everything that was compared is the same."""
        return all(one.same is not False for one in self.compared) and all(run.same for run in self.runs)

    @property
    def first_difference(self) -> Compared | None:
        """The first result that differs; None if none does, or for several seeds."""
        return next((one for one in self.compared if one.same is False), None)

    @property
    def reason(self) -> str | None:
        """The likely reason of the first difference, in a sentence; None if there is none."""
        first = self.first_difference
        if first is None:
            return None
        likely = [str(change) for change in self.changes if change.decisive]
        if first.name == "data":
            read = f", or they are read in another way: {likely[0]}" if likely else ""
            return f"the data are not those that the run was made with{read}."
        if not likely and not self.recorded:
            return (
                f"not known, because the run's {run_folder.ENVIRONMENT} is of an earlier format, with few packages and "
                "no digests of their code."
            )
        if not likely:
            return (
                "the environment is the same as far as it was recorded. A part may draw random numbers that no seed "
                "determines, or the device may not compute the same twice."
            )
        more = f" ({len(likely) - 1} more difference{'s' * (len(likely) > 2)})" if len(likely) > 1 else ""
        return f"{likely[0]}{more}."

    def __repr__(self) -> str:
        return f"<Replay of {self.path}: {'the same' if self.same else self.first_difference or 'differs'}>"

    def as_json(self) -> dict[str, Any]:
        """The replay in JSON values."""
        changes = [
            {"what": one.what, "then": one.then, "now": one.now, "decisive": one.decisive} for one in self.changes
        ]
        found: dict[str, Any] = {"run": str(self.path), "same": self.same}
        if self.runs:
            return {**found, "runs": [run.as_json() for run in self.runs]}
        return {
            **found,
            "compared": [one.as_json() for one in self.compared],
            "reason": self.reason,
            "environment": changes,
            "out": None if self.out is None else str(self.out),
        }


def replay(
    path: str | Path,
    *,
    env: bool = False,
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    show: bool = False,
) -> Replay:
    """Train a finished run again from its resolved recipe in a fresh process, and compare all results.

    Data that have changed end the replay before it trains. Callbacks are not called, unless the run was stopped early.

    Args:
        path: the folder of a run, of `run --seeds`, or of a cross-validation.
        env: train in a new virtual environment with the packages of the run, in their exact versions.
        out: keep the new run in this folder. By default it is deleted.
        plugins: the plugin manager that looks up the dataset. Defaults to everything installed.
        progress: receives what is being done.
        show: let the other process show its progress on stderr.

    Raises:
        BundleError: there is no finished run at `path`, or a file is damaged.
        RecipeError: the run cannot be trained again from its recipe, because its data were given in code.
        DataError, DataUnavailable: the data are gone or cannot be read.
        TextforgeError: the environment cannot be built, or the training failed.
    """
    path, progress = Path(path), progress or Progress()
    folders = folders_of(path)
    with Scratch() as scratch:
        work = scratch.path
        command = Command(words=training_again.SAME_PYTHON, show=show)
        if env:
            from textforge.runs.replays.virtual_environment import build_environment

            python = build_environment(read_environment(folders[0]), work / "env", progress.stage)
            command = replace(command, words=(str(python), "-P", "-m", "textforge"), isolated=True)
        found: list[Replay] = []
        for folder in folders:
            new = work / f"run-{len(found)}" if out is None else Path(out)
            new = new / folder.name if out is not None and folder != path else new
            done = _Again(folder, new, command, plugins, progress).replayed()
            found.append(done if out is None or not new.exists() else replace(done, out=new))
    return found[0] if folders == [path] else Replay(path, runs=tuple(found))


@dataclass(frozen=True)
class _Again:
    """One folder to replay."""

    path: Path
    out: Path
    command: Command
    plugins: PluginManager | None
    progress: Progress

    def replayed(self) -> Replay:
        """Check the data, train again, and compare."""
        folds = not run_folder.is_finished(self.path)
        then = read_environment(self.path) if (self.path / run_folder.ENVIRONMENT).is_file() else {}
        if changed := self._changed_data(then.get("data") or {}):
            names = ("data", "folds", "predictions", "figures") if folds else NAMES[1:]
            skipped = (Compared(name, None, "the data differ") for name in names[1:])
            changes = environment_changes(then, environment_now(then))
            return Replay(self.path, (Compared("data", False, changed), *skipped), tuple(changes))
        self.progress.stage(f"training {self.path} again")
        try:
            (cross_validate_again if folds else train_again)(self.path, self.out, then, self.command)
        except TextforgeError as error:
            if error.exit_code == 2 and not self.command.isolated:
                error.add_note("The run may need its own versions of packages, which --env installs.")
            raise
        compared = compare_folds(self.path, self.out) if folds else [
            *located_weights(compare_runs(self.path, self.out))]  # fmt: skip
        return Replay(self.path, tuple(compared), tuple(self._changes(then)), recorded="files" in then)

    def _changed_data(self, then: dict[str, Any]) -> str | None:
        """Load the run's data here and compare them with its digests, so that no time goes into training on others.

        Raises:
            RecipeError: the data were given in code.
            DataError, DataUnavailable: they cannot be loaded.
        """
        own = own_dataset(self.path) or {}
        if own.get("use") == GIVEN:
            raise RecipeError(
                f"{self.path}: its data were given in code, so no other process can load them. Write them to a file "
                "that a dataset reads, or train again in your program and compare the two folders."
            )
        if changed := _changed_inputs(then):
            return changed
        if "sha256" not in then:
            return None
        self.progress.stage(f"loading the data of {self.path}")
        try:
            now = _described_data(self.path, self.plugins)
        except TextforgeError as error:
            if self.command.isolated and isinstance(error, (PluginError, RecipeError)):
                return None  # the environment of the run has the plugin, and this one need not
            error.add_note(f"{self.path} cannot be replayed without the data that it was made with.")
            raise
        changed = differing_data(then, now)
        return None if self.command.isolated else changed  # the run's own versions may read or split them otherwise

    def _changes(self, then: dict[str, Any]) -> list[Change]:
        """Differences between the environment of the run and that of the replay."""
        now = run_folder.read_object(self.out / run_folder.ENVIRONMENT, f"{self.out}: damaged")
        if self.command.isolated:  # pip has installed what the replay did not need to import
            now["packages"] = {**(then.get("packages") or {}), **(now.get("packages") or {})}
        else:  # the replay lists what its own recipe needs, the run may list more
            here = packages_now(then)
            now = {**now, **{key: {**here[key], **(now.get(key) or {})} for key in here}}
        return environment_changes(then, now)


def _changed_inputs(then: dict[str, Any]) -> str | None:
    """Compare the other files that a run read, such as word vectors, with their digests.

    Raises:
        DataUnavailable: one of them is gone.
    """
    for name, digest in (then.get("inputs") or {}).items():
        if not Path(name).is_file():
            raise DataUnavailable(f"{name}: is gone, and the run read it.")
        if sha256(Path(name)) != digest:
            return f"{name} has changed"
    return None


def _described_data(run: Path, plugins: PluginManager | None) -> dict[str, Any]:
    from textforge.data.dataset import as_dataset
    from textforge.recipes.recipe import load_dataset_part
    from textforge.runs.environment import describe_data

    part, seed = load_dataset_part(run / run_folder.RESOLVED, plugins=plugins)
    return describe_data(as_dataset(part, seed))


def folders_of(path: Path) -> list[Path]:
    """The folders to replay: the run itself, or those of its seeds.

    Raises:
        BundleError: nothing finished is there.
    """
    if (path / run_folder.SEEDS).is_file():
        names = run_folder.read_object(path / run_folder.SEEDS, f"{path}: damaged").get("runs")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise BundleError(f"{path}: its {run_folder.SEEDS} is damaged: it names no runs.")
        folders = [path / Path(name).name for name in names]
        for folder in folders:
            run_folder.read_result(folder)
        return folders
    if not (path / run_folder.FOLDS).is_file():
        run_folder.read_result(path)
    if not (path / run_folder.RESOLVED).is_file():
        raise BundleError(f"{path}: has no {run_folder.RESOLVED}, so it cannot be trained again.")
    return [path]
