"""Tune a recipe, or find one for data: search on folds of the training texts, choose, and run the best once in full."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import write_json, write_text
from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.errors import PluginError, RecipeError
from textforge.errors.shortage import advised
from textforge.runs import folder as run_folder
from textforge.runs.plan import given_part
from textforge.runs.progress import Progress, WarningLog
from textforge.runs.tasks import executor_part
from textforge.runs.tuning.budget import Budget, read_budget
from textforge.runs.tuning.identity import (
    BEST,
    IDENTITY,
    RUN,
    STUDY,
    TUNING,
    identify,
    locked,
    spent_before,
    tuning_folder,
    unfinished,
)
from textforge.runs.tuning.source import Source, read_source

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.data.dataset import Dataset
    from textforge.runs.tuning.finals import Choice
    from textforge.runs.tuning.tuning import Tuning

DEFAULT_BUDGET = "5m"
OVER = 1.03
"""The final run is asked to stop when this share of the budget is spent; not every model can."""


@dataclass(frozen=True)
class Tuned:
    """A finished tuning."""

    path: Path
    result: dict[str, Any]
    """The content of tuning.json."""

    def __repr__(self) -> str:
        chosen = next(one for one in self.result["trials"] if one["number"] == self.result["chosen"]["trial"])
        return f"<Tuned {self.path}: {len(self.result['trials'])} trials, chosen {chosen['what']}>"

    @property
    def best(self) -> Path:
        """The final recipe."""
        return self.path / BEST

    def classifier(self) -> Classifier:
        """Load the classifier of the final run."""
        from textforge.runs.loading import load

        return load(self.path / RUN)


def tune(
    source: str | Path | Mapping[str, Any] | None = None,
    *,
    budget: str | float | None = None,
    trials: int | None = None,
    metric: str | None = None,
    workers: int | None = None,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    seed: int | None = None,
    dataset: Dataset | None = None,
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    spent: float = 0.0,
    on: str | Part | None = None,
) -> Tuned:
    """Search for the best recipe within a budget, on folds of the training texts, and run it once in full.

    The test split is read once, after the choice. With the same seed and number of trials, and without a budget, the
    trials are the same whatever the number of workers. A tuning that was interrupted or killed goes on if it is called
    again with the same arguments and the same `out`.

    Args:
        source: path of a recipe or a recipe as a dict, whose `tune:` section names the values to search; or the path of
            data, for which a portfolio of recipes is tried first. None with `dataset`, for the portfolio on it.
        budget: seconds, or a text such as '90s', '5m' or '1h', from the call to the result. Defaults to 5 minutes, or
            to no limit if `trials` is given.
        trials: largest number of trials. Defaults to as many as the budget allows.
        metric: 'accuracy', 'macro_f1', 'micro_f1', 'weighted_f1' or a metric of the recipe. Defaults to macro F1, of
            which a recipe must have more than the default, and no less accuracy.
        workers: number of processes; 0 measures in this process, where no trial can be cut. Defaults to the cores.
        overrides: overrides of the recipe, or options of the dataset that reads the data.
        seed: seed of the folds, of the search and of every run; by default that of the recipe, or 0.
        dataset: data in memory, in place of the recipe's dataset.
        out: the folder. Defaults to `runs/<name>-tune/<UTC time>-<id>`.
        plugins: the plugin manager that looks up components. Defaults to everything installed.
        progress: receives progress reports and warnings.
        spent: seconds of the budget that have passed before the call.
        on: the executor that measures the trials, a name or a part; `workers` is then the number of tasks at a time,
            by which time is estimated. The final run is here.

    Raises:
        RecipeError: the recipe, its `tune:` section or an argument is wrong, or `out` holds another tuning.
        DataError: the data cannot be read, or are too few to divide.
        TrainingError: all trials failed.
        PluginError: optuna is not installed.
    """
    began = time.monotonic() - spent
    _refuse_wrong(trials, workers, seed)
    seconds = None if budget is None and trials is not None else read_budget(budget or DEFAULT_BUDGET)
    _require_optuna()
    progress, plugins = progress or Progress(), plugins or PluginManager()
    executor = executor_part(on, plugins)
    found = read_source(source, dataset=given_part(dataset), overrides=overrides, seed=seed, plugins=plugins)
    progress.stage(f"loading {found.part.label}")
    with advised("load"):
        data = found.load()
    log = WarningLog(progress)
    log.add(data.warnings)
    candidates, left_out = found.candidates(data, seconds)
    from textforge.runs.tuning.metric import read_aim

    aim = read_aim(metric, candidates[0].recipe, data)
    identity = identify(data, candidates, aim.name if metric else None, seed)
    path = tuning_folder(found, identity, out)
    with unfinished(path, progress), locked(path):
        earlier = spent_before(path, identity)
        time_left = Budget(seconds, time.monotonic() - began + earlier)
        work = _Work(found, data, path, identity, time_left, progress, log, executor)
        return work.carry_out(candidates, left_out, aim, trials, workers)


@dataclass
class _Work:
    """What is needed to carry out a tuning in its folder."""

    source: Source
    data: Dataset
    path: Path
    identity: dict[str, Any]
    budget: Budget
    progress: Progress
    log: WarningLog
    executor: Part | None = None

    def carry_out(
        self, candidates: list[Any], left_out: list[str], aim: Any, trials: int | None, workers: int | None
    ) -> Tuned:
        """Search, choose, and run the best recipe."""
        from textforge.runs.tuning.elsewhere import Elsewhere
        from textforge.runs.tuning.finals import choose, reserve
        from textforge.runs.tuning.folds import Folds
        from textforge.runs.tuning.measurements import Measurements
        from textforge.runs.tuning.study import Search, open_study, quiet
        from textforge.runs.tuning.trial import Laboratory
        from textforge.runs.tuning.tuning import MOST, Tuning
        from textforge.runs.tuning.workers import Workers

        folds = Folds.of(self.data, candidates[0].recipe.seed)
        with quiet():
            study = open_study(self.path / STUDY, maximize=aim.maximize)
            search = Search(study, {one.name: one.space for one in candidates}, folds.seed)
            laboratory = Laboratory(folds, self.source.plugins)
            n_workers = workers if workers is not None else os.cpu_count() or 1
            elsewhere = self.executor and Elsewhere(laboratory, self.executor, self.progress, n_workers)
            with elsewhere or Workers(laboratory, n_workers) as pool:
                tuning = Tuning(
                    candidates, folds, aim, search, Measurements(self.path), laboratory, pool, self.budget,
                    self.progress, min(trials or MOST, MOST),
                )  # fmt: skip
                self._save_time()
                tuning.probe()
                tuning.begin()
                generation = 1
                while tuning.best() is not None or self.budget.seconds is None:
                    self._save_time()
                    if not tuning.go_on(generation, reserve(tuning)):
                        break
                    generation += 1
                choice = choose(tuning)
            self._save_time()
            return self._finish(tuning, choice, left_out)

    def _finish(self, tuning: Tuning, choice: Choice, left_out: list[str]) -> Tuned:
        """Write best.yaml, run it, and write the result."""
        from textforge.runs.tuning.best import best_recipe
        from textforge.runs.tuning.outcome import outcome

        write_text(self.path / BEST, best_recipe(tuning, choice, self.source.part, self.source.title))
        run = self._run(tuning, choice)
        result = outcome(tuning, choice, run)
        result |= {
            "source": self.source.title,
            "recipe": self.source.name,
            "left_out": left_out,
            "budget": self.budget.seconds,
            "seconds": round(self.budget.spent(), 3),
            "warnings": self.log.messages,
        }
        write_json(self.path / TUNING, result)
        return Tuned(self.path, result)

    def _run(self, tuning: Tuning, choice: Choice) -> dict[str, Any]:
        """The result of the final run; one that an earlier process finished is kept, an unfinished one begins anew."""
        import shutil

        from textforge.runs.runner import run

        folder = self.path / RUN
        if run_folder.is_finished(folder):
            return run_folder.read_result(folder)
        if folder.is_dir():
            shutil.rmtree(folder)
        final = _Stoppable(self.progress)
        timer = Timer(max(0.0, self.budget.left() + (OVER - 1) * (self.budget.seconds or 0)), final.stop,
                      ["the budget was spent"]) if self.budget.seconds is not None else None  # fmt: skip
        if timer:
            timer.daemon = True
            timer.start()
        try:
            given = self.data if self.source.given else None
            recipe = tuning.recipe(choice.trial) if given is not None else self.path / BEST
            done = run(recipe, dataset=given, out=folder, plugins=self.source.plugins, progress=final)
        finally:
            if timer:
                timer.cancel()
        self.log.messages += [one for one in done.result["warnings"] if one not in self.log.messages]
        return done.result

    def _save_time(self) -> None:
        """Write what identifies the tuning, and the time that it has taken so far."""
        write_json(self.path / IDENTITY, {**self.identity, "spent": round(self.budget.spent(), 1)})


class _Stoppable(Progress):
    """Passes the reports of the final run on; `stop` ends that run alone."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.interruption = getattr(progress, "interruption", None)

    def stage(self, text: str) -> None:
        self._progress.stage(text)

    def warning(self, text: str) -> None:
        self._progress.warning(text)

    def step(self, epoch: int, step: int, steps: int) -> None:
        self._progress.step(epoch, step, steps)

    def evaluated(self, done: int, texts: int) -> None:
        self._progress.evaluated(done, texts)


def _refuse_wrong(trials: int | None, workers: int | None, seed: int | None) -> None:
    for name, value, least in (("trials", trials, 1), ("workers", workers, 0), ("seed", seed, 0)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise RecipeError(f"{name} must be a whole number from {least}, not {value!r}.")


def _require_optuna() -> None:
    """Raises a `PluginError` if optuna is not installed."""
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise PluginError("tuning needs the package optuna. Install it: pip install 'textforge[tune]'")
