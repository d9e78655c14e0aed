"""One run, from recipe to run folder, read from top to bottom: prepare, train, evaluate, finish."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import append_text, write_json, write_text
from textforge.classifiers.streams.probabilities import MOST, as_limit
from textforge.components.manager import PluginManager
from textforge.components.requirements import require_torch
from textforge.errors import RecipeError
from textforge.recipes.recipe import Recipe, load_recipe
from textforge.recipes.yaml12 import to_yaml
from textforge.runs import folder as run_folder
from textforge.runs.baseline import load_baseline
from textforge.runs.callbacks import Callbacks
from textforge.runs.checkpoints import Checkpoints
from textforge.runs.failures import cleared_on_error, located, noting_unfinished
from textforge.runs.finishing import Prepared, Run as Run, finish, with_callbacks
from textforge.runs.lock import locked
from textforge.runs.plan import RunPlan, given_part, trainer_for
from textforge.runs.processes.joining import joined, refuse_differences
from textforge.runs.processes.launch import launched
from textforge.runs.progress import Progress
from textforge.runs.resuming import changed_sentence
from textforge.runs.saved_plan import SavedPlan
from textforge.runs.uninstalled import refuse_uninstalled

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.data.dataset import Dataset
    from textforge.training.distributed.workers import Workers
    from textforge.training.start import Start
    from textforge.training.trainer import Trainer


def run(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    dataset: Dataset | None = None,
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    probabilities: int | str = MOST,
    baseline: bool = False,
    workers: Workers | None = None,
) -> Run:
    """Train the model of a recipe, evaluate it on the test split, and write a run folder.

    Started by torchrun in several processes, they train together: each computes a part of every batch, the first one
    writes the run folder, and every one returns the run.

    Args:
        recipe: path of a YAML file, the recipe as a dict, or a validated `Recipe`.
        overrides: maps dotted keys to values that override the recipe; not allowed with a validated `Recipe`.
        dataset: data in memory, in place of the recipe's dataset, which may be missing. The run folder records that
            the data were given in code, and their fingerprint.
        out: the run folder. Defaults to `runs/<recipe name>/<UTC time>-<id>`.
        plugins: the plugin manager that looks up components. Defaults to everything installed.
        progress: receives progress reports and warnings. Defaults to none.
        probabilities: number of most probable labels per text in predictions.jsonl, or 'all'.
        baseline: train tf-idf with a linear support vector machine on the same data, too, and add its figures to
            `baselines` of the result. They are cached, so the next run on the same data need not train it again.
        workers: the processes that train together, if the caller has initialized their process group. Each of them
            calls `run` with the same arguments. By default those that torchrun has started.

    Raises:
        TextforgeError: or a subclass; the run folder then has no result.json.
    """
    require_torch("a run")
    launch = launched() if workers is None else None
    given = given_part(dataset)
    if not isinstance(recipe, Recipe):
        if isinstance(recipe, (str, Path)) and Path(recipe).name == run_folder.RESOLVED and not overrides:
            refuse_uninstalled(Path(recipe).parent, plugins or PluginManager())
        recipe = load_recipe(recipe, overrides=overrides, plugins=plugins, dataset=given)
    elif overrides:
        raise RecipeError("a checked recipe takes no overrides; give them to load_recipe.")
    if given is not None:
        recipe = replace(recipe, dataset=given)
    limit, start = as_limit(probabilities), start_of(recipe, plugins)
    existed = out is not None and Path(out).is_dir()
    with nullcontext(workers) if launch is None else joined(launch, recipe.trainer.device) as together:
        path = new_folder(recipe.name, out, together)
        trained = load_baseline(plugins) if baseline else None
        plan = RunPlan(recipe, path, progress or Progress(), limit, start, baseline=trained, workers=together)
        return begin(plan, keep_folder=existed)


def new_folder(name: str, out: str | Path | None, workers: Workers | None) -> Path:
    """Create the folder of a run; of several processes, the first one creates it."""
    if workers is None:
        return run_folder.create_run_folder(name, out)
    return Path(workers.from_first(lambda: {"path": str(run_folder.create_run_folder(name, out))})["path"])


def begin(plan: RunPlan, *, keep_folder: bool) -> Run:
    """Carry out a run in an empty folder; `keep_folder` keeps it even if the run fails before it trains."""
    if not plan.writes:
        with noting_unfinished(plan.path, within=plan.within):
            return carry_out(plan, nullcontext())
    with noting_unfinished(plan.path, within=plan.within):
        with cleared_on_error(plan.path, keep_folder):
            _begin_folder(plan)
        with locked(plan.path):
            return carry_out(plan, cleared_on_error(plan.path, keep_folder))


def carry_out(plan: RunPlan, preparing: AbstractContextManager[None]) -> Run:
    """Carry out a run in its folder, new or stopped; `preparing` surrounds what happens before training."""
    with plan.interruption.advising(run_folder.how_to_continue(plan.within or plan.path)):
        if plan.workers is not None:
            plan.workers.signalled = lambda: plan.interruption.number is not None
        with preparing, located(plan.recipe):
            prepared = _prepare(plan)
        with prepared.callbacks.reporting_failure():
            prepared.callbacks.started({**prepared.about, "epochs": prepared.trainer.epochs})
            done = finish(plan, prepared, _train(plan, prepared))
    return with_callbacks(plan, prepared.callbacks, done)


def _begin_folder(plan: RunPlan) -> None:
    """Write the recipe, and what else is needed to continue the run."""
    write_text(plan.path / run_folder.RECIPE, plan.recipe.text)
    write_text(plan.path / run_folder.RESOLVED, to_yaml(plan.resolved))
    SavedPlan.of(plan.recipe, plan.limit, baseline=plan.baseline is not None).write(plan.path)


def start_of(recipe: Recipe, plugins: PluginManager | None) -> Start | None:
    """Load the classifier that the recipe's `init_from` names.

    Raises:
        BundleError: there is none, or it is damaged.
        RecipeError: it cannot be continued.
    """
    if recipe.init_from is None:
        return None
    from textforge.runs.loading import load
    from textforge.training.start import Start

    return Start(load(recipe.init_from.run, plugins=plugins), recipe.init_from.vocabulary)


def _prepare(plan: RunPlan) -> Prepared:
    """Load the data, fit the vectorizer, build model and optimizer; raise now what would fail after training.

    Raises:
        DataError: the test split has a label that the training split lacks.
        ComponentError: the classifier could not be saved.
    """
    recipe, path, resuming = plan.recipe, plan.path, plan.resuming
    plan.warnings.add(recipe.warnings)
    callbacks = Callbacks(recipe.callbacks if plan.writes else (), path, plan.warnings, plan.stop)
    plan.progress.stage(f"loading {recipe.dataset.label}")
    with plan.clock("load"):
        from textforge.data.dataset import as_dataset

        dataset = as_dataset(recipe.dataset, recipe.seed)
        plan.warnings.add(dataset.warnings)
    plan.progress.stage(f"turning {dataset.n_train} texts into features with {recipe.vectorizer.label}")
    with plan.clock("vectorize"):
        from textforge.classifiers.bundles.bundle import refuse_unsavable
        from textforge.runs.environment import describe_environment

        trainer = trainer_for(recipe, dataset, plan.progress, plan.start, plan.after_step, workers=plan.workers)
        if plan.workers is not None:
            described = describe_environment(recipe, dataset, device=trainer.device.type)
            refuse_differences(plan.workers, described, plan.resolved)
        trainer.prepare()
        plan.warnings.add(trainer.warnings if plan.writes else ())
        plan.warnings.add(_refuse_unusable_test(dataset, trainer))
        state = refuse_unsavable(trainer.vectorizer, trainer.module, recipe.parts, trainer.columns)
    from textforge.data.labels import label_value

    described = describe_environment(recipe, dataset, device=trainer.device.type)
    plan.checkpoints = Checkpoints(plan, trainer, callbacks, state)
    if resuming is not None:
        resuming.refuse_other_data(described)
        resuming.restore(plan, trainer)
        plan.warnings.add(changed_sentence(resuming.changed))
    if plan.writes and not (path / run_folder.ENVIRONMENT).is_file():
        write_json(path / run_folder.ENVIRONMENT, described)
    figures = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "labels": [label_value(label) for label in trainer.labels],
        "n_features": int(trainer.facts["n_features"]),  # a vectorizer may give a numpy number
        "n_parameters": trainer.n_parameters,
        "n_train": trainer.n_train,
    }
    if recipe.init_from is not None and trainer.matched is not None:
        figures["init_from"] = {"run": str(recipe.init_from.run), **trainer.matched.as_json()}
        plan.progress.stage(f"continuing {recipe.init_from.run}: {trainer.matched}")
    figures |= resuming.described() if resuming is not None else {}
    about = {"path": str(path), "resolved": plan.resolved, **figures}
    return Prepared(dataset, trainer, state, callbacks, about, figures)


def _refuse_unusable_test(dataset: Dataset, trainer: Trainer) -> list[str]:
    """Fail before training if test cannot be evaluated; return warnings about its labels.

    Raises:
        DataError: the test split has a label that the training texts lack, and `trainer.unknown_labels` is 'error'.
        RecipeError: a metric cannot count such labels.
    """
    from textforge.data.gold import encode_gold

    if dataset.test is None:
        return []
    weights = dataset.weights_of("test")
    gold = encode_gold(dataset.test[1], trainer.labels, "test", trainer.settings.unknown_labels, weights)
    trainer.metrics.for_labels(gold.names)
    return gold.warnings


def _train(plan: RunPlan, prepared: Prepared) -> Classifier:
    """Train all epochs; write the line of each epoch before the next one begins."""
    trainer, sizes = prepared.trainer, prepared.figures
    plan.progress.stage(
        f"training {plan.recipe.model.label} on {sizes['n_train']} texts, {len(trainer.labels)} classes, "
        f"{sizes['n_features']} features"
    )
    assert plan.checkpoints is not None
    plan.checkpoints.begin()
    with plan.clock("train"), located(plan.recipe), plan.interruption.deferred(not trainer.fits_itself):
        for epoch in trainer:
            figures = asdict(epoch)
            if added := prepared.callbacks.epoch_ended(figures):
                figures["added"] = added
            line = json.dumps(figures, ensure_ascii=False) + "\n"
            if plan.writes:
                append_text(plan.path / run_folder.METRICS, line)
            plan.progress.epoch(epoch, trainer.epochs)
            plan.stop.pass_on(trainer)
            plan.checkpoints.epoch_ended(line)
    classifier = trainer.classifier()
    plan.warnings.add(trainer.warnings if plan.writes else ())
    return classifier
