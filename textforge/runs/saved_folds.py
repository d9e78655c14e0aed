"""The folds of a cross-validation that are done, each in a file until all of them are."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textforge.classifiers.storage import append_text, write_json, write_text
from textforge.errors import BundleError
from textforge.errors.temporaries import make_folders, sweep_all
from textforge.runs import folder as run_folder
from textforge.runs.progress import Progress

FOLDER = "folds"


@dataclass(frozen=True)
class Fold:
    """The results of a fold."""

    number: int
    test: dict[str, Any]
    """The metrics."""
    baselines: dict[str, Any]
    predictions: list[tuple[int, str]]
    """Row and line of predictions.jsonl of each text."""
    warnings: list[str]


class SavedFolds:
    """The folds that are done.

    Args:
        path: the folder of the cross-validation.
        n_folds: the number of all folds.
        limit: number of labels per text in the predictions; None for all.
    """

    def __init__(self, path: Path, n_folds: int, limit: int | None) -> None:
        self.path: Path = path
        self.n_folds: int = n_folds
        self.limit: int | None = limit
        self.done: dict[int, Fold] = {}
        """The folds by number."""

    def add(self, fold: Fold) -> None:
        """Keep the results of a fold, on disk, too."""
        make_folders(self.path / FOLDER)
        write_json(self._file(fold.number), asdict(fold))
        append_text(self.path / run_folder.PER_FOLD, _line(fold))
        self.done[fold.number] = fold

    def read(self, progress: Progress) -> None:
        """Read the folds that are done; a damaged one is trained again, with a warning. Unfinished files go."""
        for folder in (self.path, self.path / FOLDER):
            sweep_all(folder)
        for number in range(1, self.n_folds + 1):
            if not self._file(number).is_file():
                continue
            try:
                self.done[number] = _checked(run_folder.read_object(self._file(number), "its file is damaged"), number)
            except BundleError as error:
                progress.warning(f"fold {number} is trained again: {error}")
        write_text(self.path / run_folder.PER_FOLD, "".join(map(_line, self.done.values())))
        progress.stage(f"continuing after {len(self.done)} of {self.n_folds} folds; the next one begins anew")

    def remove(self) -> None:
        """Delete the files: the cross-validation is finished, and its other files hold everything."""
        with suppress(OSError):
            shutil.rmtree(self.path / FOLDER)

    def _file(self, number: int) -> Path:
        return self.path / FOLDER / f"fold-{number}.json"


def _line(fold: Fold) -> str:
    return json.dumps({"fold": fold.number, "test": fold.test, "baselines": fold.baselines}, ensure_ascii=False) + "\n"


def _checked(found: dict[str, Any], number: int) -> Fold:
    types = {"number": int, "test": dict, "baselines": dict, "predictions": list, "warnings": list}
    whole = found.keys() == types.keys() and all(isinstance(found[name], kind) for name, kind in types.items())
    rows: list[Any] = found["predictions"] if whole else [None]
    if found.get("number") != number or not all(
        isinstance(row, list) and [type(one) for one in row] == [int, str] for row in rows
    ):
        raise BundleError("its file is damaged: its keys or their types are wrong.")
    return Fold(**{**found, "predictions": [(row, line) for row, line in rows]})
