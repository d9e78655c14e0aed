"""Train on all folds of the training texts but one, and test on that one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textforge.classifiers.streams.probabilities import prediction_lines
from textforge.errors.shortage import advised
from textforge.recipes.given_data import given_dataset
from textforge.recipes.recipe import Recipe
from textforge.runs.fold_dataset import Rows, fold_dataset
from textforge.runs.plan import trainer_for
from textforge.runs.progress import Progress
from textforge.runs.saved_folds import Fold
from textforge.runs.tasks import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from textforge.data.dataset import Dataset


@dataclass(frozen=True)
class Folded:
    """Training texts divided into folds."""

    dataset: Dataset
    held_out: Sequence[NDArray[np.int64]]
    """The rows of each fold, ascending."""
    labels: Sequence[Any]
    """All labels of the dataset."""


@dataclass(frozen=True)
class Watching:
    """Where the training of a fold reports to."""

    progress: Progress
    warn: Callable[[Iterable[str]], None] = lambda warnings: None
    """Called with the warnings as they come; by default only the result has them."""


def train_fold(recipe: Recipe, folded: Folded, number: int, limit: int | None, watching: Watching) -> Fold:
    """Train on all texts but those of a fold, and test on these.

    Args:
        recipe: the recipe; its dataset is not used.
        folded: the texts.
        number: number of the fold, from 1.
        limit: number of labels per text in the predictions; None for all.
        watching: where to report to.

    Raises:
        TextforgeError: or a subclass, as a training does.
    """
    from textforge.classifiers.baselines import free_baselines
    from textforge.classifiers.comparison import compare, measured, with_labels
    from textforge.classifiers.metrics import ExtraMetrics
    from textforge.data.gold import Labelled
    from textforge.data.remarks import too_few

    progress, warnings, rows = watching.progress, list[str](), folded.held_out[number - 1]

    def warn(found: Iterable[str]) -> None:
        new = [*found]
        warnings.extend(new)
        watching.warn(new)

    dataset, labels = folded.dataset, folded.labels
    metrics = ExtraMetrics(recipe.metrics, labels=labels, multi_label=dataset.multi_label)
    fold = fold_dataset(dataset, Rows(None, rows), labels, whole_valid=recipe.trainer.unknown_labels != "error")
    progress.stage(f"fold {number} of {len(folded.held_out)}: training on {fold.n_train} texts")
    trainer = trainer_for(recipe, fold, progress)
    if number == 1:
        warn(too_few("validation", fold.n_train - trainer.n_train))
        warn(trainer.setting_warnings)
    with advised("train"):
        for epoch in trainer:
            progress.epoch(epoch, trainer.epochs)
    assert fold.test is not None
    texts, gold = fold.test
    trained = trainer.classifier()
    warn(trainer.part_warnings)
    found = trained.predict_proba(texts, on_batch=progress.evaluated)
    wider, spread = with_labels(trained, found, labels)
    comparison = compare(wider, Labelled(gold, fold.weights_of("test"), "test"), spread)
    lines = prediction_lines(comparison, limit, rows.tolist())
    predictions = [(row, line) for row, line in zip(rows.tolist(), lines, strict=True)]
    baselines = free_baselines(fold, comparison.gold)
    return Fold(number, measured(comparison, metrics), baselines, predictions, warnings)


def fold_tasks(recipe: Recipe, folded: Folded, numbers: Iterable[int], limit: int | None) -> Iterator[Task]:
    """Yield a task for each of these folds. Its value is the `Fold`."""
    recipe = replace(recipe, dataset=given_dataset(None))  # the texts are sent once, in `folded`
    for number in numbers:
        yield Task(f"fold {number}", fold_work, {"recipe": recipe, "number": number, "limit": limit}, folded)


def fold_work(
    shared: Folded, folder: None, progress: Progress, *, recipe: Recipe, number: int, limit: int | None
) -> Fold:
    """The work of a task: train and test one fold."""
    return train_fold(recipe, shared, number, limit, Watching(progress))
