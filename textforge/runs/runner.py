"""One run, from recipe to run folder: the one place where the parts are joined."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import append_text, write_json, write_text
from textforge.classifiers.streams.probabilities import MOST, as_limit, prediction_lines
from textforge.components.manager import PluginManager
from textforge.errors import Mistake, RecipeError, TextforgeError
from textforge.errors.shortage import advised
from textforge.recipes.recipe import Recipe, load_recipe
from textforge.runs import folder as run_folder
from textforge.runs.callbacks import Callbacks
from textforge.runs.progress import Progress, WarningLog

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.classifiers.metrics import ExtraMetrics
    from textforge.data.dataset import Dataset
    from textforge.training.trainer import Trainer


@dataclass(frozen=True)
class Run:
    """A finished run."""

    path: Path
    result: dict[str, Any]
    """What result.json holds."""
    classifier: Classifier

    @property
    def test(self) -> dict[str, Any] | None:
        """The figures on test: accuracy, macro_f1, per_class …; None where there is no test split."""
        figures: dict[str, Any] | None = self.result["test"]
        return figures


def run(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    probabilities: int | str = MOST,
) -> Run:
    """Train what a recipe says, evaluate it on test, and leave a run folder.

    Args:
        recipe: path of a YAML file, the recipe as a dict, or a checked `Recipe`.
        overrides: dotted key to value, laid over the recipe; not with a checked `Recipe`.
        out: the run folder; by default `runs/<recipe name>/<UTC time>-<id>`.
        plugins: where components are looked up; by default everything installed.
        progress: follows the run; by default nothing does.
        probabilities: how many labels predictions.jsonl has for each text, the most probable ones; or 'all'.

    Raises:
        TextforgeError: or one of its children; the run folder then has no result.json.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe, overrides=overrides, plugins=plugins)
    elif overrides:
        raise RecipeError("a checked recipe takes no overrides; give them to load_recipe.")
    limit = as_limit(probabilities)
    given = out is not None and Path(out).is_dir()
    path = run_folder.create_run_folder(recipe.name, out)
    with noting_unfinished(path):
        return _carry_out(_Work(recipe, path, progress or Progress(), limit), keep_folder=given)


class _Work:
    """What every stage of a run has at hand."""

    def __init__(self, recipe: Recipe, path: Path, progress: Progress, limit: int | None) -> None:
        self.recipe, self.path, self.progress, self.limit = recipe, path, progress, limit
        self.clock, self.warnings = _Clock(), WarningLog(progress)


def _carry_out(work: _Work, *, keep_folder: bool) -> Run:
    """Everything from the recipe to result.json."""
    recipe, path, progress, clock, warnings = work.recipe, work.path, work.progress, work.clock, work.warnings
    with _cleared_on_error(path, keep_folder), located(recipe):
        write_text(path / run_folder.RECIPE, recipe.text)
        write_text(path / run_folder.RESOLVED, recipe.resolved_yaml())
        warnings.add(recipe.warnings)
        callbacks = Callbacks(recipe.callbacks, path, warnings)
        progress.stage(f"loading {recipe.dataset.label}")
        with clock("load"):
            dataset = load_dataset(recipe)
            warnings.add(dataset.warnings)
        from textforge.classifiers.bundles.bundle import refuse_unsavable

        progress.stage(f"turning {dataset.n_train} texts into features with {recipe.vectorizer.label}")
        with clock("vectorize"):
            trainer = trainer_for(recipe, dataset, progress.step)
            trainer.prepare()
            warnings.add(trainer.warnings)
            _check_test_labels(dataset, trainer)
            refuse_unsavable(trainer.vectorizer, trainer.module, recipe.parts)
        _write_environment(path, recipe, dataset, trainer)
    sizes = {
        "n_features": int(trainer.facts["n_features"]),  # a vectorizer may give a numpy number
        "n_parameters": sum(p.numel() for p in trainer.module.parameters()),
        "n_train": trainer.n_train,
    }
    about = {"path": str(path), "resolved": recipe.resolved(), **_named(recipe, trainer), **sizes}
    with callbacks.reporting_failure():
        callbacks.started({**about, "epochs": trainer.epochs})
        done = _trained(work, dataset, trainer, sizes, callbacks)
    told = len(warnings.messages)
    added = callbacks.finished({"path": str(path), **done.result})
    if added or len(warnings.messages) > told:  # the result was whole without them, and stays so until this is
        done.result.update({"added": added} if added else {}, warnings=warnings.messages)
        write_json(path / run_folder.RESULT, done.result)
    return done


def _trained(work: _Work, dataset: Dataset, trainer: Trainer, sizes: Mapping[str, int], callbacks: Callbacks) -> Run:
    """From the prepared trainer to result.json, which is written last."""
    from textforge.classifiers.bundles.bundle import save

    recipe, path, progress, clock, warnings = work.recipe, work.path, work.progress, work.clock, work.warnings
    progress.stage(
        f"training {recipe.model.label} on {sizes['n_train']} texts, {len(trainer.labels)} classes, "
        f"{sizes['n_features']} features"
    )
    with clock("train"), located(recipe):
        _train(path, trainer, callbacks, progress)
    classifier = trainer.classifier()
    warnings.add(trainer.warnings)
    progress.stage("evaluating on test" if dataset.test else "no test split: nothing to evaluate")
    with clock("evaluate"), _keep_classifier(classifier, path):
        test, rows = _evaluate(classifier, dataset, trainer.metrics, work)
    with _report_result_on_error(test):
        save(classifier, path / run_folder.MODEL)
        if dataset.test:
            write_text(path / run_folder.PREDICTIONS, "".join(rows))
        result = {
            **_named(recipe, trainer),
            **sizes,
            "overrides": recipe.overrides,
            "multi_label": dataset.multi_label,
            "epochs": len(trainer.history),
            "best_epoch": trainer.best.number if trainer.best else None,
            "train_loss": trainer.history[-1].train_loss,
            "valid": trainer.best.valid if trainer.best else None,
            "decision": classifier.decision.as_json(),
            "test": test,
            "warnings": warnings.messages,
            "seconds": clock.seconds(),
        }
        write_json(path / run_folder.RESULT, result)
    return Run(path, result, classifier)


def _named(recipe: Recipe, trainer: Trainer) -> dict[str, Any]:
    return {"recipe": recipe.name, "seed": recipe.seed, "labels": list(trainer.labels)}


class _Clock:
    """Seconds of each stage and of the whole; where memory runs out, what helps at that stage."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        with advised(stage):
            yield
        self._stages[stage] = time.perf_counter() - began

    def seconds(self) -> dict[str, float]:
        total = time.perf_counter() - self._began
        return {name: round(value, 3) for name, value in {**self._stages, "total": total}.items()}


def load_dataset(recipe: Recipe) -> Dataset:
    """The dataset that a recipe names.

    Raises:
        DataError, DataUnavailable, ComponentError: it cannot be had.
    """
    from textforge.data.dataset import as_dataset

    return as_dataset(recipe.dataset, recipe.seed)


def trainer_for(recipe: Recipe, dataset: Dataset, on_step: Callable[[int, int, int], None] | None = None) -> Trainer:
    """The trainer that a recipe describes, over a dataset that is there already."""
    from textforge.training.trainer import Trainer

    return Trainer(
        dataset,
        recipe.vectorizer,
        recipe.model,
        recipe.optimizer,
        scheduler=recipe.scheduler,
        loss=recipe.loss,
        metrics=recipe.metrics,
        decision=recipe.decision,
        seed=recipe.seed,
        on_step=on_step,
        **asdict(recipe.trainer),
    )


def _check_test_labels(dataset: Dataset, trainer: Trainer) -> None:
    """A label that training never shows is told now, not after the last epoch."""
    from textforge.data.dataset import encode_labels

    if dataset.test:
        encode_labels(dataset.test[1], trainer.labels, "test")


def _write_environment(path: Path, recipe: Recipe, dataset: Dataset, trainer: Trainer) -> None:
    from textforge.runs.environment import describe_environment

    described = describe_environment(recipe, device=trainer.device.type, fingerprint=dataset.fingerprint())
    write_json(path / run_folder.ENVIRONMENT, described)


def _train(path: Path, trainer: Trainer, callbacks: Callbacks, progress: Progress) -> None:
    """Train to the end; the line of each epoch is written before the next begins."""
    for result in trainer:
        line = asdict(result)
        if added := callbacks.epoch_ended(line):
            line["added"] = added
        append_text(path / run_folder.METRICS, json.dumps(line, ensure_ascii=False) + "\n")
        progress.epoch(result, trainer.epochs)


def _evaluate(
    classifier: Classifier, dataset: Dataset, metrics: ExtraMetrics, work: _Work
) -> tuple[dict[str, Any] | None, list[str]]:
    """The figures on test, and a JSON line for each of its texts."""
    if dataset.test is None:
        return None, []
    texts, gold = dataset.test
    probabilities = classifier.predict_proba(texts, on_batch=work.progress.evaluated)
    figures = classifier.metrics(gold, probabilities, metrics=metrics)
    return figures, prediction_lines(classifier, gold, probabilities, work.limit)


@contextmanager
def noting_unfinished(path: Path, last: str = run_folder.RESULT) -> Iterator[None]:
    """Note on whatever stops a run which folder it leaves unfinished."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if (path / run_folder.RECIPE).exists():
            error.add_note(f"{path} is unfinished: it has no {last}.")
        raise


@contextmanager
def _cleared_on_error(path: Path, keep_folder: bool) -> Iterator[None]:
    """A run that fails before it trains leaves nothing; an interrupted one leaves its folder unfinished."""
    try:
        yield
    except Exception:
        empty_folder(path, keep_folder)
        raise


def empty_folder(path: Path, keep_folder: bool) -> None:
    """Take away what is written before training, and the folder unless it was there, empty, before."""
    with suppress(OSError):
        for file in (run_folder.RECIPE, run_folder.RESOLVED, run_folder.ENVIRONMENT, run_folder.PER_FOLD):
            (path / file).unlink(missing_ok=True)
        if not keep_folder:
            path.rmdir()


@contextmanager
def located(recipe: Recipe) -> Iterator[None]:
    """Put the recipe's path before mistakes in it that only show at run time."""
    try:
        yield
    except RecipeError as error:
        if recipe.path is None or any(mistake.place for mistake in error.mistakes):
            raise
        raise RecipeError([Mistake(f"{recipe.path}: {m.message}") for m in error.mistakes]) from error


@contextmanager
def _keep_classifier(classifier: Classifier, path: Path) -> Iterator[None]:
    """Where the evaluation fails, keep what was trained all the same."""
    from textforge.classifiers.bundles.bundle import save

    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        with suppress(TextforgeError):
            save(classifier, path / run_folder.MODEL)
            error.add_note(f"The trained classifier is in {path / run_folder.MODEL}.")
        raise


@contextmanager
def _report_result_on_error(test: dict[str, Any] | None) -> Iterator[None]:
    """Where the end of a run cannot be written, at least say what it came to."""
    try:
        yield
    except TextforgeError as error:
        if test is not None:
            error.add_note(
                f"The run itself was done: test accuracy {test['accuracy']:.4f}, macro F1 {test['macro_f1']:.4f}."
            )
        raise
