"""Trials that an executor measures are those of this machine, and are cut by the budget."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conftest import make_texts, small_recipe, write_csv
from other_machine import backwards, carried_out, executor

import textforge
from textforge import Progress, Task
from textforge.data.dataset import Dataset
from textforge.runs.tuning.elsewhere import Elsewhere, measure
from textforge.runs.tuning.folds import Folds, Place
from textforge.runs.tuning.trial import Laboratory
from textforge.runs.tuning.workers import CUT, Task as Trial


def trials(path: Path) -> list[dict[str, Any]]:
    found = json.loads((path / "tuning.json").read_text())["trials"]
    return [{name: value for name, value in one.items() if "second" not in name} for one in found]


def test_the_trials_are_those_of_this_machine(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", *make_texts(120))
    recipe = {**small_recipe(data), "model": {"use": "multinomial-nb", "alpha": 1.0}, "vectorizer": "bow"}
    recipe.pop("optimizer")
    recipe.pop("trainer")
    textforge.tune(recipe, trials=4, workers=1, out=tmp_path / "here")
    textforge.tune(recipe, trials=4, on=executor(backwards), out=tmp_path / "there")
    assert trials(tmp_path / "there") == trials(tmp_path / "here")


def laboratory() -> Laboratory:
    return Laboratory(Folds.of(Dataset(train=make_texts(60)), 0), textforge.PluginManager())


SECTIONS = {"dataset": "docstrings", "vectorizer": "bow", "model": "multinomial-nb"}


def test_what_is_not_done_by_the_deadline_is_cut() -> None:
    ended = []

    def slow(tasks: Iterator[Task], progress: Progress, /) -> Iterator[tuple[Task, Any] | None]:
        """Do one task, and wait for ever with the next."""
        try:
            every = [*tasks]
            yield every[0], carried_out(every[0], progress)
            yield from itertools.repeat(None)
        finally:
            ended.append(True)

    left = iter([9.0, 9.0, 9.0, 0.0, 0.0])
    place = Place(0, 30)
    given = [Trial(number, place, SECTIONS) for number in range(3)]
    found = [*Elsewhere(laboratory(), executor(slow), Progress(), 2).results(given, lambda: next(left))]
    assert [(task.trial, measured.failed) for task, measured in found] == [(0, None), (1, CUT), (2, CUT)]
    assert ended == [True]


def test_a_measurement_that_takes_longer_than_it_may_is_cut(monkeypatch: Any) -> None:
    def endless(*_: object) -> None:
        time.sleep(60)

    shared = laboratory()
    monkeypatch.setattr(shared, "measure", endless)
    arguments = {"sections": SECTIONS, "place": Place(0, 30)}
    found = measure(shared, None, Progress(), seconds=0.05, **arguments)  # type: ignore[arg-type]
    assert found["failed"] == CUT
