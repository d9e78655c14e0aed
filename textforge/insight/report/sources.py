"""What a report reads: the files of a run, of the runs of several seeds, or of a cross-validation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from textforge.components.manager import PluginManager
from textforge.data.dataset import Dataset
from textforge.errors import BundleError
from textforge.insight.answers import TestedRun, read_json, read_run, read_runs
from textforge.insight.own_texts import OwnTexts, dataset_of, recorded_digest
from textforge.runs import folder as run_folder

Kind = Literal["run", "seeds", "cross-validation"]


@dataclass(frozen=True)
class Sources:
    """The content of a folder that a report is about."""

    path: Path
    kind: Kind
    result: dict[str, Any]
    """The content of result.json, seeds.json or cross-validation.json."""
    folders: list[Path]
    """The run folder, or the run folders of the seeds."""
    tested: list[TestedRun]
    """The answers of each folder; empty without a test split."""
    plugins: PluginManager

    @property
    def names(self) -> list[str]:
        """A name of each folder: `seed 0`, …; for other kinds the name of the folder."""
        if self.kind != "seeds":
            return [folder.name for folder in self.folders]
        return [folder.name.replace("-", " ", 1) for folder in self.folders]

    @cached_property
    def own_texts(self) -> list[OwnTexts]:
        """The texts of each folder, one object for all folders that answered the same texts."""
        found: dict[tuple[str, bytes], OwnTexts] = {}
        own = []
        for run in self.tested:
            texts, digest = OwnTexts(run, self.plugins), recorded_digest(run)
            own.append(texts if digest is None else found.setdefault((digest, run.rows.tobytes()), texts))
        return own

    @property
    def same_texts(self) -> bool:
        """Whether all folders answered the same texts."""
        return all(own is self.own_texts[0] for own in self.own_texts)

    def dataset(self) -> Dataset:
        """The dataset of the first folder's recipe.

        Raises:
            TextforgeError: the data cannot be loaded.
        """
        return self.own_texts[0].dataset if self.tested else dataset_of(self.folders[0], self.plugins)

    def text_of(self, name: str) -> str | None:
        """The content of a text file of the first folder; None if it has none."""
        try:
            return (self.folders[0] / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def environment(self) -> dict[str, Any]:
        """The content of the first folder's environment.json; empty if it has none or a damaged one."""
        try:
            found = json.loads(self.text_of(run_folder.ENVIRONMENT) or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def warnings(self) -> list[str]:
        """The warnings of all runs, each once."""
        several = [run.result for run in self.tested] or [self.result]
        return [*dict.fromkeys(str(warning) for one in several for warning in one.get("warnings") or ())]


def read_sources(path: str | Path, plugins: PluginManager) -> Sources:
    """Read a finished run, the runs of several seeds, or a cross-validation.

    Raises:
        BundleError: nothing of these is at `path`, it is unfinished, or a file is damaged.
    """
    path = Path(path)
    if (path / run_folder.SEEDS).is_file():
        result = read_json(path / run_folder.SEEDS)
        folders = [path / str(name) for name in result.get("runs") or ()]
        tested = [] if result.get("split", "test") != "test" else read_runs(path)
        return Sources(path, "seeds", result, folders, tested, plugins)
    if (path / run_folder.FOLDS).is_file():
        run = read_run(path)
        return Sources(path, "cross-validation", run.result, [path], [run], plugins)
    if (path / "bundle.json").is_file():
        raise BundleError(f"{path}: a bundle contains no answers to test texts. Name the run folder that it is in.")
    result = run_folder.read_result(path)
    return Sources(path, "run", result, [path], [read_run(path)] if result.get("test") else [], plugins)


def json_lines(text: str, file: Path) -> list[dict[str, Any]]:
    """Parse JSON Lines of objects.

    Raises:
        BundleError: a line is damaged.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{file}:{number}: the line is damaged: {error}") from error
        if not isinstance(value, dict):
            raise BundleError(f"{file}:{number}: the line is damaged: it is not an object.")
        found.append(value)
    return found
