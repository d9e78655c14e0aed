"""A run that is asked to stop ends as a finished run that says why, with the best weights."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import small_recipe

import textforge
from textforge import PluginManager, Progress, TrainingError, hookimpl


class Stopping(Progress):
    """Stops in the step or after the epoch of these numbers."""

    def __init__(self, *, step: tuple[int, int] = (0, 0), epoch: int = 0) -> None:
        self.at_step, self.at_epoch = step, epoch

    def step(self, epoch: int, step: int, steps: int) -> None:
        if (epoch, step) == self.at_step:
            self.stop("cancelled")

    def epoch(self, result: Any, epochs: int) -> None:
        if result.number == self.at_epoch:
            self.stop()


def lines(run: textforge.Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def test_progress_can_stop_a_run_after_an_epoch(small_csv: Path, tmp_path: Path) -> None:
    recipe = small_recipe(small_csv)
    stopped = textforge.run(recipe, out=tmp_path / "stopped", progress=Stopping(epoch=2))
    assert stopped.result["stopped"] == "stopped by the caller"
    assert stopped.result["epochs"] == len(lines(stopped)) == 2
    short = textforge.run(recipe, overrides={"trainer.epochs": 2}, out=tmp_path / "short")
    assert short.result["stopped"] is None
    assert stopped.test == short.test
    textforge.load(stopped.path).predict(["moon"])


def test_progress_can_stop_a_run_after_a_step(small_csv: Path, tmp_path: Path) -> None:
    recipe = small_recipe(small_csv, trainer={"epochs": 3, "batch_size": 16, "validation": 0.2})
    run = textforge.run(recipe, out=tmp_path / "run", progress=Stopping(step=(2, 1)))
    assert run.result["stopped"] == "cancelled"
    assert [line["steps"] for line in lines(run)][1] == 1
    assert run.result["valid"] is not None


def test_a_stop_before_training_still_trains_a_step(small_csv: Path, tmp_path: Path) -> None:
    progress = Progress()
    progress.stop("too late")
    run = textforge.run(small_recipe(small_csv), out=tmp_path / "run", progress=progress)
    assert (run.result["stopped"], run.result["epochs"], lines(run)[0]["steps"]) == ("too late", 1, 1)


def with_callback(factory: Any) -> PluginManager:
    parts = PluginManager()
    parts.register(SimpleNamespace(textforge_callbacks=hookimpl(lambda: {"stopper": factory}), __name__="stoppers"))
    return parts


def test_a_callback_can_stop_a_run(small_csv: Path, tmp_path: Path) -> None:
    def stopper(stop, /, *, after: int = 1):  # type: ignore[no-untyped-def]
        """Stops after an epoch.

        Options:
            after: number of the epoch.
        """

        def ended(result: dict[str, Any]) -> None:
            if result["number"] == after:
                stop(f"epoch {after} is enough")

        return SimpleNamespace(epoch_ended=ended)

    recipe = small_recipe(small_csv, callbacks=[{"use": "stopper", "after": 2}])
    run = textforge.run(recipe, out=tmp_path / "run", plugins=with_callback(stopper))
    assert (run.result["stopped"], run.result["epochs"]) == ("epoch 2 is enough", 2)
    repeats = textforge.run_seeds(recipe, [0, 1], out=tmp_path / "seeds", plugins=with_callback(stopper))
    assert len(repeats.result["runs"]) == 2, "each run has its own callbacks"


def test_patience_is_a_reason_too(small_csv: Path, tmp_path: Path) -> None:
    trainer = {"epochs": 40, "batch_size": 16, "validation": 0.2, "monitor": "accuracy", "patience": 1}
    recipe = small_recipe(small_csv, trainer=trainer, optimizer={"use": "adam", "lr": 0.1})
    run = textforge.run(recipe, out=tmp_path / "run")
    assert run.result["stopped"] == "no improvement for 1 epoch (trainer.patience)"


def test_a_stop_leaves_no_mean_over_seeds_or_folds(small_csv: Path, tmp_path: Path) -> None:
    recipe = small_recipe(small_csv)
    with pytest.raises(TrainingError, match=r"stopped: cancelled\. There are no results, because a mean over seeds"):
        textforge.run_seeds(recipe, [0, 1], out=tmp_path / "seeds", progress=Stopping(step=(1, 1)))
    with pytest.raises(TrainingError, match=r"stopped: cancelled\. There are no results, because a mean over folds"):
        textforge.cross_validate(recipe, folds=2, out=tmp_path / "folds", progress=Stopping(step=(1, 1)))
