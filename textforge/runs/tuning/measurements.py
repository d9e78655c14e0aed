"""The measurements of a tuning on disk, one file each: a tuning that is continued repeats none of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from textforge.classifiers.storage import write_text
from textforge.errors.temporaries import make_folders, sweep
from textforge.runs.tuning.folds import Place
from textforge.runs.tuning.trial import Measured

FOLDER = "trials"


class Measurements:
    """What has been measured, by trial and place.

    Args:
        path: the folder of the tuning.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path / FOLDER
        make_folders(self._folder)
        sweep(self._folder)
        self._known: dict[tuple[int, Place], Measured | None] = {}

    def add(self, trial: int, place: Place, measured: Measured) -> None:
        """Keep a result. That of a measurement that was cut is kept in memory only, so it can be tried again."""
        self._known[trial, place] = measured
        write_text(self._file(trial, place), json.dumps(asdict(measured)))

    def note_cut(self, trial: int, place: Place, measured: Measured) -> None:
        """Remember that a measurement was cut, in this process only: with more time it may be done."""
        self._known[trial, place] = measured

    def get(self, trial: int, place: Place) -> Measured | None:
        """A result; None if it is not known, or if its file is damaged."""
        if (trial, place) not in self._known:
            try:
                found = Measured(**json.loads(self._file(trial, place).read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                return None
            self._known[trial, place] = found
        return self._known[trial, place]

    def _file(self, trial: int, place: Place) -> Path:
        return self._folder / f"{trial}-{place}.json"
