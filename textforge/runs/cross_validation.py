"""K-fold cross-validation of a recipe on its training texts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import write_json, write_text
from textforge.classifiers.streams.probabilities import MOST, as_limit
from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.errors import DataError, RecipeError, listed
from textforge.errors.shortage import advised
from textforge.errors.temporaries import sync
from textforge.recipes.recipe import Recipe, load_recipe
from textforge.runs import folder as run_folder
from textforge.runs.baseline import losing_warnings
from textforge.runs.failures import clear_folder, located, noting_unfinished
from textforge.runs.folds import Folded, Watching, fold_tasks, train_fold
from textforge.runs.interruption import interruption_of
from textforge.runs.lock import locked
from textforge.runs.plan import given_part
from textforge.runs.progress import Progress, WarningLog, refuse_stopped
from textforge.runs.resuming import Reference, changed_sentence, read_recipe
from textforge.runs.saved_folds import SavedFolds
from textforge.runs.saved_plan import SavedPlan
from textforge.runs.summary import mean_baselines, shown_summary, summarize
from textforge.runs.tasks import executor_part, results_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from textforge.data.dataset import Dataset


@dataclass(frozen=True)
class CrossValidation:
    """A finished cross-validation."""

    path: Path
    result: dict[str, Any]
    """The content of cross-validation.json."""

    def __repr__(self) -> str:
        return f"<CrossValidation {self.path}: {shown_summary(self.result, 'folds')}>"


def cross_validate(
    recipe: str | Path | Mapping[str, Any],
    *,
    folds: int = 5,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    dataset: Dataset | None = None,
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    probabilities: int | str = MOST,
    on: str | Part | None = None,
) -> CrossValidation:
    """For each fold of the training texts, train on the other folds and predict that fold.

    Folds are stratified by label and keep the dataset's groups together. The vectorizer, the model and the
    decision are fitted again for each fold, on its training texts alone. The test split is not used.

    Args:
        recipe: path of a YAML file, or the recipe as a dict.
        folds: the number of folds, at least 2.
        overrides, dataset, plugins, progress, probabilities: as for `run`.
        out: the run folder. Defaults to `runs/<recipe name>/<UTC time>-<id>`.
        on: the executor that carries out the folds, a name or a part. By default they run here, one after another.

    Raises:
        TextforgeError: or a subclass; the folder then has no cross-validation.json.
    """
    if not isinstance(folds, int) or folds < 2:
        raise RecipeError(f"cross-validation needs at least 2 folds, not {folds!r}.")
    executor = executor_part(on, plugins)
    checked = load_recipe(recipe, overrides=overrides, plugins=plugins, dataset=given_part(dataset))
    limit = as_limit(probabilities)
    given = out is not None and Path(out).is_dir()
    path = run_folder.create_run_folder(checked.name, out)
    progress = progress or Progress()
    with noting_unfinished(path, run_folder.FOLDS), located(checked), _emptied_without_a_fold(path, keep_folder=given):
        write_text(path / run_folder.RECIPE, checked.text)
        write_text(path / run_folder.RESOLVED, checked.resolved_yaml())
        write_text(path / run_folder.PER_FOLD, "")
        SavedPlan.of(checked, limit, folds=folds).write(path)
        with locked(path), interruption_of(progress).advising(run_folder.how_to_continue(path)):
            return _carry_out(checked, SavedFolds(path, folds, limit), progress, executor=executor)


def resume_folds(
    path: Path,
    *,
    anyway: bool = False,
    dataset: Dataset | Part | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    on: str | Part | None = None,
) -> CrossValidation:
    """Continue a cross-validation: the folds that are done are kept, the next one begins anew.

    The arguments are those of `resume`.
    """
    progress, executor = progress or Progress(), executor_part(on, plugins)
    advising = interruption_of(progress).advising(run_folder.how_to_continue(path))
    with locked(path), noting_unfinished(path, run_folder.FOLDS), advising:
        saved = SavedPlan.read(path)
        recipe, changed = read_recipe(path, saved, plugins=plugins, dataset=given_part(dataset))
        reference = Reference(path, anyway=anyway, changed=changed)
        with located(recipe):
            reference.refuse_other_environment(recipe)
            done = SavedFolds(path, saved.folds or 0, saved.probabilities)
            done.read(progress)
            return _carry_out(recipe, done, progress, reference=reference, executor=executor)


@contextmanager
def _emptied_without_a_fold(path: Path, *, keep_folder: bool) -> Iterator[None]:
    """Remove the files of a cross-validation that fails before its first fold is done."""
    try:
        yield
    except Exception:
        done = path / run_folder.PER_FOLD
        if not done.is_file() or not done.stat().st_size:
            clear_folder(path, keep_folder)
        raise


def _carry_out(
    recipe: Recipe,
    saved: SavedFolds,
    progress: Progress,
    *,
    reference: Reference | None = None,
    executor: Part | None = None,
) -> CrossValidation:
    from textforge.classifiers.devices import as_device
    from textforge.classifiers.metrics import ExtraMetrics
    from textforge.data.dataset import as_dataset
    from textforge.data.gold import encode_gold
    from textforge.data.labels import label_value
    from textforge.data.splits import folds
    from textforge.data.streams import Stream
    from textforge.runs.environment import add_imported_packages, describe_environment

    began = time.perf_counter()
    warnings = WarningLog(progress)
    warnings.add([*recipe.warnings, *_without_callbacks(recipe)])
    progress.stage(f"loading {recipe.dataset.label}")
    with advised("load"):
        dataset = as_dataset(recipe.dataset, recipe.seed)
    warnings.add(dataset.warnings)
    if isinstance(dataset.train, Stream):
        raise RecipeError(f"{recipe.dataset.label}: train is a stream; cross-validation divides texts in memory.")
    labels = dataset.labels()
    path, n_folds = saved.path, saved.n_folds
    held_out = folds(dataset.train[1], n_folds, recipe.seed, dataset.groups)
    warnings.add([*dataset.without("test").remarks(), *_fold_remarks(dataset, held_out)])
    if dataset.valid is not None:
        # labels that are in no fold
        warnings.add(encode_gold(dataset.valid[1], labels, "valid", recipe.trainer.unknown_labels).warnings)
    ExtraMetrics(recipe.metrics, labels=labels, multi_label=dataset.multi_label)  # raises before anything is trained
    described = describe_environment(recipe, dataset, device=as_device(recipe.trainer.device).type)
    if reference is not None:
        reference.refuse_other_data(described)
        warnings.add(changed_sentence(reference.changed))
    if not (path / run_folder.ENVIRONMENT).is_file():
        write_json(path / run_folder.ENVIRONMENT, described)
    folded, limit, watching = Folded(dataset, held_out, labels), saved.limit, Watching(progress, warnings.add)
    before = [*warnings.messages]
    if executor is None:
        for number in range(1, n_folds + 1):
            if number not in saved.done:
                saved.add(train_fold(recipe, folded, number, limit, watching))
                refuse_stopped(progress, "folds")
            warnings.add(saved.done[number].warnings)
    else:
        waiting = (number for number in range(1, n_folds + 1) if number not in saved.done)
        with results_of(executor, fold_tasks(recipe, folded, waiting, limit), progress) as results:
            for task, fold in results:
                saved.add(fold)
                progress.stage(f"{task.name} is done ({len(saved.done)} of {n_folds})")
                refuse_stopped(progress, "folds")
                warnings.add(fold.warnings)
    every = sorted(line for fold in saved.done.values() for line in fold.predictions)
    write_text(path / run_folder.PREDICTIONS, "".join(line for _, line in every))
    done = [saved.done[number] for number in range(1, n_folds + 1)]
    in_order = dict.fromkeys([*before, *chain.from_iterable(fold.warnings for fold in done)])
    summary, compared = summarize([fold.test for fold in done]), mean_baselines([fold.baselines for fold in done])
    warnings.add(losing_warnings({name: summary[name]["mean"] for name in ("accuracy", "macro_f1")}, compared))
    in_order |= dict.fromkeys(warnings.messages)
    result = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "overrides": recipe.overrides,
        "labels": [label_value(label) for label in labels],
        "folds": n_folds,
        "n": dataset.n_train,
        "figures": summary,
        "baselines": compared,
        "warnings": [*in_order],
        "seconds": {"total": round(time.perf_counter() - began, 3)},
    }
    add_imported_packages(recipe, path)
    sync(path / run_folder.PER_FOLD)  # before the file that says that all folds are done
    write_json(path / run_folder.FOLDS, result)
    saved.remove()
    return CrossValidation(path, result)


def _without_callbacks(recipe: Recipe) -> list[str]:
    called = [part.component.name for part in recipe.callbacks]
    return [f"callbacks are not called in a cross-validation: {listed(called)}."] if called else []


def _fold_remarks(dataset: Dataset, held_out: Sequence[NDArray[np.int64]]) -> Iterator[str]:
    """Warnings about the folds, for a reader of the figures.

    Raises:
        DataError: without one of the folds, too few labels are left to learn from.
    """
    from textforge.data.labels import label_name
    from textforge.data.remarks import Hashes, across_folds, too_few
    from textforge.data.streams import Stream

    assert not isinstance(dataset.train, Stream)
    texts, gold = dataset.train
    folds_of: dict[str, set[int]] = {}
    for number, rows in enumerate(held_out, start=1):
        for row in rows:
            for label in gold[row] if dataset.multi_label else (gold[row],):
                folds_of.setdefault(label_name(label), set()).add(number)
    n_folds, counts = len(held_out), {label_name(label): n for label, n in dataset.label_counts().items()}
    for number in range(1, n_folds + 1):
        if sum(places != {number} for places in folds_of.values()) < (1 if dataset.multi_label else 2):
            raise DataError(
                f"without fold {number} of {n_folds} too few labels are left to learn from: their texts, or the groups "
                "that these are in, are too few. Give more of them, or other groups."
            )
    yield from too_few("cross-validation", len(texts))
    if few := [f"'{label}' ({counts[label]})" for label in sorted(folds_of) if counts[label] < n_folds]:
        yield f"labels with fewer texts than the {n_folds} folds are tested in some folds only: {listed(few, limit=5)}."
    if lone := [f"'{label}' (fold {min(folds_of[label])})" for label in sorted(folds_of) if len(folds_of[label]) == 1]:
        yield (
            "labels whose texts are all in one fold are unknown to the classifier tested on it, and count as wrong: "
            f"{listed(lone, limit=5)}."
        )
    yield from across_folds(Hashes.of(texts, gold), held_out)
