"""The plan of a run (recipe, folder, progress, warnings, clock), and the trainer of a recipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.part import Part
from textforge.components.settings import OF_RUNS
from textforge.errors import RecipeError
from textforge.errors.shortage import advised
from textforge.recipes.given_data import given_dataset
from textforge.recipes.recipe import Recipe
from textforge.runs.baseline import Baseline
from textforge.runs.interruption import Interruption, interruption_of
from textforge.runs.progress import Progress, StopRequest, WarningLog, silent

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset
    from textforge.runs.checkpoints import Checkpoints
    from textforge.runs.resuming import Resuming
    from textforge.training.distributed.workers import Workers
    from textforge.training.start import Start
    from textforge.training.step_result import StepResult
    from textforge.training.trainer import Trainer


class Clock:
    """Measure the seconds of each stage and of the run; if memory runs out, add advice for the current stage."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._stages: dict[str, float] = {}
        self._running: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        self._running[stage] = time.perf_counter()
        with advised(stage):
            yield
        self._stages[stage] = self.spent(stage)
        del self._running[stage]

    def spent(self, stage: str) -> float:
        """Seconds of a stage so far, which may not be over."""
        began = self._running.get(stage)
        return self._stages.get(stage, 0.0) + (0.0 if began is None else time.perf_counter() - began)

    def carry(self, stage: str, seconds: float) -> None:
        """Add the seconds that a stage took before the run was continued."""
        self._stages[stage] = self._stages.get(stage, 0.0) + seconds
        self._began -= seconds

    def seconds(self) -> dict[str, float]:
        """Seconds by stage, rounded to milliseconds, and in total."""
        total = time.perf_counter() - self._began
        return {name: round(value, 3) for name, value in {**self._stages, "total": total}.items()}


def given_part(dataset: Dataset | Part | None) -> Part | None:
    """A dataset part for data in memory, to replace that of a recipe; None for None, and a part as it is.

    Raises:
        DataError: it is not a `Dataset`.
    """
    if dataset is None or isinstance(dataset, Part):
        return dataset
    from textforge.data.dataset import as_dataset
    from textforge.data.streams import Stream

    data = as_dataset(dataset, 0)
    return given_dataset(data, streams=isinstance(data.train, Stream))


class RunPlan:
    """One run of a validated recipe in its folder.

    Args:
        recipe: the validated recipe.
        path: the run folder, which exists.
        progress: receives progress reports and warnings.
        limit: number of labels per text in predictions.jsonl; None for all.
        start: the classifier that the recipe's `init_from` names.
        baseline: the baseline to train on the same data; None for none.
        resuming: how the run is continued; None for one that begins.
        within: the folder to continue if the run is stopped; None for its own. Runs of several seeds share one.
        workers: the processes that train together; None for one.
    """

    def __init__(
        self,
        recipe: Recipe,
        path: Path,
        progress: Progress,
        limit: int | None,
        start: Start | None = None,
        *,
        baseline: Baseline | None = None,
        resuming: Resuming | None = None,
        within: Path | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.workers: Workers | None = workers
        self.writes: bool = workers is None or workers.first
        """Whether this process writes to the folder, reports progress and calls callbacks."""
        progress = progress if self.writes else silent(progress)
        self.recipe: Recipe = recipe
        self.path: Path = path
        self.progress: Progress = progress
        self.limit: int | None = limit
        self.start: Start | None = start
        self.baseline: Baseline | None = baseline
        self.resuming: Resuming | None = resuming
        self.within: Path | None = within
        self.resolved: dict[str, Any] = recipe.resolved()
        self.warnings: WarningLog = WarningLog(progress)
        self.clock: Clock = Clock()
        self.stop: StopRequest = StopRequest(progress)
        self.interruption: Interruption = interruption_of(progress)
        self.checkpoints: Checkpoints | None = None
        """Saves the state of the run; None until there is one."""

    def after_step(self, trainer: Trainer, done: StepResult) -> None:
        """Stop the trainer if anybody has asked for it, and save a checkpoint if it is time."""
        self.stop.pass_on(trainer)
        if self.checkpoints is not None:
            self.checkpoints.stepped(done)


def trainer_arguments(recipe: Recipe) -> dict[str, Any]:
    """What a recipe gives to a `Trainer`: components, settings and seed, by the names of its arguments."""
    kinds = ("vectorizer", "model", "optimizer", "scheduler", "loss", "metrics", "decision", "seed")
    settings = {name: value for name, value in asdict(recipe.trainer).items() if name not in OF_RUNS}
    return {**{kind: getattr(recipe, kind) for kind in kinds}, **settings}


def trainer_for(
    recipe: Recipe,
    dataset: Dataset,
    progress: Progress | None = None,
    start: Start | None = None,
    after_step: Callable[[Trainer, StepResult], None] | None = None,
    *,
    workers: Workers | None = None,
) -> Trainer:
    """Build the trainer of a recipe for a loaded dataset.

    Args:
        recipe: the validated recipe.
        dataset: the data.
        progress: hears of each step.
        start: the classifier that the recipe's `init_from` names.
        after_step: called after each step; by default the trainer is stopped if `progress` asks for it.
        workers: the processes that train together; None for one.

    Raises:
        RecipeError: the recipe has `init_from`, and there is no `start`.
    """
    if recipe.init_from is not None and start is None:
        raise RecipeError("init_from is for runs: folds and fit begin anew, on texts that nothing has seen. Remove it.")
    from textforge.training.trainer import Trainer

    progress = progress or Progress()
    stop = StopRequest(progress)

    def stepped(done: StepResult) -> None:
        progress.step(done.epoch, done.step, done.steps)
        if after_step is None:
            stop.pass_on(trainer)
        else:
            after_step(trainer, done)

    trainer = Trainer(dataset, start=start, on_step=stepped, workers=workers, **trainer_arguments(recipe))
    trainer.repeatable = False  # an exception ends the run
    return trainer
