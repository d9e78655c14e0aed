"""K-fold cross-validation of a recipe on its training texts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge import run_folder
from textforge.errors import RecipeError, listed
from textforge.plugins import PluginManager
from textforge.probabilities import MOST, as_limit, prediction_lines
from textforge.progress import Progress, Warnings
from textforge.recipe import Recipe, load_recipe
from textforge.runner import (
    empty_folder,
    load_dataset,
    told_at,
    told_unfinished,
    trainer_for,
)
from textforge.shortage import advised
from textforge.spread import spread
from textforge.storage import append_text, write_json, write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from textforge.data import Dataset


@dataclass(frozen=True)
class CrossValidation:
    """A finished cross-validation."""

    path: Path
    result: dict[str, Any]
    """What cross-validation.json holds."""


def cross_validate(
    recipe: str | Path | Mapping[str, Any],
    *,
    folds: int = 5,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    probabilities: int | str = MOST,
) -> CrossValidation:
    """Train on all folds of the training texts but one and predict that one, for each of them.

    Folds are stratified by label, and keep the dataset's groups together. Vectorizer, model and what the
    decision fits learn anew in each fold, from its training texts alone. The test split is not touched.

    Args:
        recipe: path of a YAML file, or the recipe as a dict.
        folds: how many, at least 2.
        overrides, plugins, progress, probabilities: as for `run`.
        out: the folder; by default `runs/<recipe name>/<UTC time>-<id>`.

    Raises:
        TextforgeError: or one of its children; the folder then has no cross-validation.json.
    """
    if not isinstance(folds, int) or folds < 2:
        raise RecipeError(f"cross-validation needs at least 2 folds, not {folds!r}.")
    checked = load_recipe(recipe, overrides=overrides, plugins=plugins)
    limit = as_limit(probabilities)
    given = out is not None and Path(out).is_dir()
    path = run_folder.create_run_folder(checked.name, out)
    with told_unfinished(path, run_folder.FOLDS), told_at(checked), _emptied_without_a_fold(path, keep_folder=given):
        return _carry_out(checked, path, folds, progress or Progress(), limit)


@contextmanager
def _emptied_without_a_fold(path: Path, *, keep_folder: bool) -> Iterator[None]:
    """What fails before a fold is done leaves nothing."""
    try:
        yield
    except Exception:
        done = path / run_folder.PER_FOLD
        if not done.is_file() or not done.stat().st_size:
            empty_folder(path, keep_folder)
        raise


def _carry_out(recipe: Recipe, path: Path, n_folds: int, progress: Progress, limit: int | None) -> CrossValidation:
    import numpy as np

    from textforge.splits import folds
    from textforge.streams import Stream

    began = time.perf_counter()
    warnings = Warnings(progress)
    warnings.tell([*recipe.warnings, *_without_callbacks(recipe)])
    progress.stage(f"loading {recipe.dataset.label}")
    with advised("load"):
        dataset = load_dataset(recipe)
    warnings.tell(dataset.warnings)
    if isinstance(dataset.train, Stream):
        raise RecipeError(f"{recipe.dataset.label}: train is a stream; cross-validation divides texts in memory.")
    labels = dataset.labels()
    warnings.tell(dataset.similar_labels())
    held_out = folds(dataset.train[1], n_folds, recipe.seed, dataset.groups)
    write_text(path / run_folder.RECIPE, recipe.text)
    write_text(path / run_folder.RESOLVED, recipe.resolved_yaml())
    write_text(path / run_folder.PER_FOLD, "")
    probabilities = np.empty((dataset.n_train, len(labels)), dtype=np.float32)
    lines: list[tuple[int, str]] = []
    figures = []
    for number, rows in enumerate(held_out, start=1):
        fold = _without(dataset, rows, labels)
        progress.stage(f"fold {number} of {n_folds}: training on {fold.n_train} texts")
        trainer = trainer_for(recipe, fold, progress.step)
        with advised("train"):
            for epoch in trainer:
                progress.epoch(epoch, trainer.epochs)
        assert fold.test is not None
        texts, gold = fold.test
        classifier = trainer.classifier()
        warnings.tell(trainer.warnings)
        probabilities[rows] = classifier.predict_proba(texts, on_batch=progress.evaluated)
        measured = classifier.metrics(gold, probabilities[rows], metrics=trainer.metrics)
        figures.append(measured)
        append_text(
            path / run_folder.PER_FOLD, json.dumps({"fold": number, "test": measured}, ensure_ascii=False) + "\n"
        )
        lines += zip(
            map(int, rows), prediction_lines(classifier, gold, probabilities[rows], limit, rows.tolist()), strict=True
        )
    write_text(path / run_folder.PREDICTIONS, "".join(line for _, line in sorted(lines)))
    result = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "overrides": recipe.overrides,
        "labels": list(labels),
        "folds": n_folds,
        "n": dataset.n_train,
        "figures": spread(figures),
        "warnings": warnings.told,
        "seconds": {"total": round(time.perf_counter() - began, 3)},
    }
    write_json(path / run_folder.FOLDS, result)
    return CrossValidation(path, result)


def _without_callbacks(recipe: Recipe) -> list[str]:
    called = listed([part.component.name for part in recipe.callbacks])
    return [f"callbacks follow runs; none is called in a cross-validation: {called}."] if called else []


def _without(dataset: Dataset, rows: NDArray[np.int64], labels: tuple[str, ...]) -> Dataset:
    """The dataset with these training rows as its test split."""
    from textforge.data import Dataset
    from textforge.streams import Stream

    assert not isinstance(dataset.train, Stream)
    texts, gold = dataset.train
    held = set(rows.tolist())
    kept = [row for row in range(len(texts)) if row not in held]
    return Dataset(
        train=([texts[row] for row in kept], [gold[row] for row in kept]),
        test=([texts[row] for row in rows], [gold[row] for row in rows]),
        valid=dataset.valid,
        label_names=labels,
        groups=None if dataset.groups is None else [dataset.groups[row] for row in kept],
    )
