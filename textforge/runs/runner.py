"""One run, from recipe to run folder, read from top to bottom: prepare, train, evaluate, finish."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import append_text, write_json, write_text
from textforge.classifiers.streams.probabilities import MOST, as_limit, prediction_lines
from textforge.components.manager import PluginManager
from textforge.components.requirements import require_torch
from textforge.errors import DataError, RecipeError, TextforgeError
from textforge.recipes.recipe import Recipe, load_recipe
from textforge.recipes.yaml12 import to_yaml
from textforge.runs import folder as run_folder
from textforge.runs.baseline import load_baseline, losing_warnings
from textforge.runs.callbacks import Callbacks
from textforge.runs.checkpoints import Checkpoints
from textforge.runs.failures import cleared_on_error, figures_on_error, located, noting_unfinished, saved_on_error
from textforge.runs.lock import locked
from textforge.runs.plan import RunPlan, given_part, trainer_for
from textforge.runs.progress import Progress
from textforge.runs.resuming import changed_sentence
from textforge.runs.saved_plan import SavedPlan
from textforge.runs.uninstalled import refuse_uninstalled

if TYPE_CHECKING:
    from textforge.classifiers.baselines import Baselines
    from textforge.classifiers.bundles.state import State
    from textforge.classifiers.classifier import Classifier
    from textforge.data.dataset import Dataset
    from textforge.training.start import Start
    from textforge.training.trainer import Trainer


@dataclass(frozen=True)
class Run:
    """A finished run."""

    path: Path
    result: dict[str, Any]
    """The content of result.json."""
    classifier: Classifier

    def __repr__(self) -> str:
        figures = self.result["test"]
        said = "no test split"
        if figures is not None:
            said = (
                f"accuracy {figures['accuracy']:.4g}, macro F1 {figures['macro_f1']:.4g} on {figures['n']:,} test texts"
            )
        return f"<Run {self.path}: {said}>"

    @property
    def test(self) -> dict[str, Any]:
        """Metrics on the test split (accuracy, macro_f1, per_class, …).

        Raises:
            DataError: the dataset had no test split; `result["test"]` is None.
        """
        figures: dict[str, Any] | None = self.result["test"]
        if figures is None:
            raise DataError(
                f"{self.path}: its dataset has no test split, so there are no test metrics. Add one to the dataset, or "
                "evaluate the classifier on other texts."
            )
        return figures


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
) -> Run:
    """Train the model of a recipe, evaluate it on the test split, and write a run folder.

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

    Raises:
        TextforgeError: or a subclass; the run folder then has no result.json.
    """
    require_torch("a run")
    trained = load_baseline(plugins) if baseline else None
    given = given_part(dataset)
    if not isinstance(recipe, Recipe):
        if isinstance(recipe, (str, Path)) and Path(recipe).name == run_folder.RESOLVED and not overrides:
            refuse_uninstalled(Path(recipe).parent, plugins or PluginManager())
        recipe = load_recipe(recipe, overrides=overrides, plugins=plugins, dataset=given)
    elif overrides:
        raise RecipeError("a checked recipe takes no overrides; give them to load_recipe.")
    if given is not None:
        recipe = replace(recipe, dataset=given)
    limit = as_limit(probabilities)
    start = start_of(recipe, plugins)
    existed = out is not None and Path(out).is_dir()
    path = run_folder.create_run_folder(recipe.name, out)
    return begin(RunPlan(recipe, path, progress or Progress(), limit, start, baseline=trained), keep_folder=existed)


def begin(plan: RunPlan, *, keep_folder: bool) -> Run:
    """Carry out a run in an empty folder; `keep_folder` keeps it even if the run fails before it trains."""
    with noting_unfinished(plan.path, within=plan.within):
        with cleared_on_error(plan.path, keep_folder):
            _begin_folder(plan)
        with locked(plan.path):
            return carry_out(plan, cleared_on_error(plan.path, keep_folder))


def carry_out(plan: RunPlan, preparing: AbstractContextManager[None]) -> Run:
    """Carry out a run in its folder, new or stopped; `preparing` surrounds what happens before training."""
    with plan.interruption.advising(run_folder.how_to_continue(plan.within or plan.path)):
        with preparing, located(plan.recipe):
            prepared = _prepare(plan)
        with prepared.callbacks.reporting_failure():
            prepared.callbacks.started({**prepared.about, "epochs": prepared.trainer.epochs})
            done = _finish(plan, prepared, _train(plan, prepared))
    return _with_callbacks(plan, prepared.callbacks, done)


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


@dataclass(frozen=True)
class _Prepared:
    """A run that is ready to train."""

    dataset: Dataset
    trainer: Trainer
    state: State
    """State of the fitted vectorizer, for the bundle."""
    callbacks: Callbacks
    about: dict[str, Any]
    """Argument of the callbacks' `started`."""
    figures: dict[str, Any]
    """The part of `about` that result.json repeats: names, labels and sizes."""


def _prepare(plan: RunPlan) -> _Prepared:
    """Load the data, fit the vectorizer, build model and optimizer; raise now what would fail after training.

    Raises:
        DataError: the test split has a label that the training split lacks.
        ComponentError: the classifier could not be saved.
    """
    recipe, path, resuming = plan.recipe, plan.path, plan.resuming
    plan.warnings.add(recipe.warnings)
    callbacks = Callbacks(recipe.callbacks, path, plan.warnings, plan.stop)
    plan.progress.stage(f"loading {recipe.dataset.label}")
    with plan.clock("load"):
        from textforge.data.dataset import as_dataset

        dataset = as_dataset(recipe.dataset, recipe.seed)
        plan.warnings.add(dataset.warnings)
    plan.progress.stage(f"turning {dataset.n_train} texts into features with {recipe.vectorizer.label}")
    with plan.clock("vectorize"):
        from textforge.classifiers.bundles.bundle import refuse_unsavable

        trainer = trainer_for(recipe, dataset, plan.progress, plan.start, plan.after_step)
        trainer.prepare()
        plan.warnings.add(trainer.warnings)
        plan.warnings.add(_refuse_unusable_test(dataset, trainer))
        state = refuse_unsavable(trainer.vectorizer, trainer.module, recipe.parts, trainer.columns)
    from textforge.data.labels import label_value
    from textforge.runs.environment import describe_environment

    described = describe_environment(recipe, dataset, device=trainer.device.type)
    plan.checkpoints = Checkpoints(plan, trainer, callbacks, state)
    if resuming is not None:
        resuming.refuse_other_data(described)
        resuming.restore(plan, trainer)
        plan.warnings.add(changed_sentence(resuming.changed))
    if not (path / run_folder.ENVIRONMENT).is_file():
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
    return _Prepared(dataset, trainer, state, callbacks, about, figures)


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


def _train(plan: RunPlan, prepared: _Prepared) -> Classifier:
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
            append_text(plan.path / run_folder.METRICS, line)
            plan.progress.epoch(epoch, trainer.epochs)
            plan.stop.pass_on(trainer)
            plan.checkpoints.epoch_ended(line)
    classifier = trainer.classifier()
    plan.warnings.add(trainer.warnings)
    return classifier


def _finish(plan: RunPlan, prepared: _Prepared, classifier: Classifier) -> Run:
    """Evaluate on the test split, and write the bundle, the predictions and finally result.json."""
    from textforge.classifiers.bundles.bundle import save
    from textforge.runs.environment import add_imported_packages

    trainer, path = prepared.trainer, plan.path
    with plan.clock("evaluate"), saved_on_error(classifier, path), _continued_on_interrupt(plan):
        test, predictions, baselines = _evaluate(plan, prepared, classifier)
    with figures_on_error(test):
        save(classifier, path / run_folder.MODEL, state=prepared.state)
        if test:
            write_text(path / run_folder.PREDICTIONS, "".join(predictions))
            baselines |= _trained_baseline(plan, prepared)
            plan.warnings.add(losing_warnings(test, baselines))
        result = {
            **prepared.figures,
            "overrides": plan.recipe.overrides,
            "multi_label": prepared.dataset.multi_label,
            "epochs": len(trainer.history),
            "stopped": trainer.stop_reason,
            "best_epoch": trainer.best.number if trainer.best else None,
            "train_loss": trainer.history[-1].train_loss,
            "valid": trainer.best.valid if trainer.best else None,
            "decision": classifier.decision.as_json(),
            "test": test,
            "baselines": baselines,
            "warnings": plan.warnings.messages,
            "seconds": plan.clock.seconds(),
        }
        add_imported_packages(plan.recipe, path)
        run_folder.write_result(path, result)
    return Run(path, result, classifier)


@contextmanager
def _continued_on_interrupt(plan: RunPlan) -> Iterator[None]:
    """Save a checkpoint if the program ends while it evaluates, so that nothing is trained again."""
    try:
        yield
    except KeyboardInterrupt:
        assert plan.checkpoints is not None
        plan.checkpoints.write()
        raise


def _evaluate(
    plan: RunPlan, prepared: _Prepared, classifier: Classifier
) -> tuple[dict[str, Any] | None, list[str], Baselines]:
    """Return test metrics, a JSON line per test text, and the baselines; None and none of them without a test split."""
    from textforge.classifiers.baselines import free_baselines
    from textforge.classifiers.comparison import compare, measured
    from textforge.data.gold import Labelled

    if prepared.dataset.test is None:
        plan.progress.stage("no test split: nothing to evaluate")
        return None, [], {}
    plan.progress.stage("evaluating on test")
    texts, labels = prepared.dataset.test
    probabilities = classifier.predict_proba(texts, on_batch=plan.progress.evaluated)
    labelled = Labelled(labels, prepared.dataset.weights_of("test"), "test")
    compared = compare(classifier, labelled, probabilities, prepared.trainer.settings.unknown_labels)
    figures = measured(compared, prepared.trainer.metrics)
    return figures, prediction_lines(compared, plan.limit), free_baselines(prepared.dataset, compared.gold)


def _trained_baseline(plan: RunPlan, prepared: _Prepared) -> Baselines:
    """Train the baseline if the caller asked for one. If that fails, the run goes on with a warning."""
    if plan.baseline is None:
        return {}
    plan.progress.stage(f"training the baseline, {plan.baseline.name}")
    with plan.clock("baseline"):
        try:
            unknown = prepared.trainer.settings.unknown_labels
            figures, warnings = plan.baseline.figures(prepared.dataset, plan.recipe.seed, unknown)
            plan.warnings.add(warnings)
            return {"trained": figures}
        except TextforgeError as error:
            plan.warnings.add([f"the baseline cannot be trained: {error}"])
    return {}


def _with_callbacks(plan: RunPlan, callbacks: Callbacks, done: Run) -> Run:
    """Call the callbacks' `finished`; rewrite result.json, which is complete already, only if they add metrics."""
    before = len(plan.warnings.messages)
    added = callbacks.finished({"path": str(plan.path), **done.result})
    if added or len(plan.warnings.messages) > before:
        done.result.update({"added": added} if added else {}, warnings=plan.warnings.messages)
        run_folder.write_result(plan.path, done.result)
    return done
