"""The end of a run: evaluate on the test split, write the bundle, the predictions and finally result.json."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import write_text
from textforge.classifiers.streams.probabilities import prediction_lines
from textforge.errors import DataError, TextforgeError
from textforge.runs import folder as run_folder
from textforge.runs.baseline import losing_warnings
from textforge.runs.callbacks import Callbacks
from textforge.runs.failures import figures_on_error, saved_on_error
from textforge.runs.plan import RunPlan

if TYPE_CHECKING:
    from textforge.classifiers.baselines import Baselines
    from textforge.classifiers.bundles.state import State
    from textforge.classifiers.classifier import Classifier
    from textforge.data.dataset import Dataset
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


@dataclass(frozen=True)
class Prepared:
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


_Evaluated = tuple[dict[str, Any] | None, list[str], "Baselines"]
"""Test metrics, a JSON line per test text, and the baselines; None and none of them without a test split."""


def finish(plan: RunPlan, prepared: Prepared, classifier: Classifier) -> Run:
    """Evaluate on the test split, and write the bundle, the predictions and finally result.json."""
    with plan.clock("evaluate"), ExitStack() as on_error:
        if plan.writes:
            on_error.enter_context(saved_on_error(classifier, plan.path))
            on_error.enter_context(_continued_on_interrupt(plan))
        test, predictions, baselines = _evaluate(plan, prepared, classifier)

    def written() -> dict[str, Any]:
        with figures_on_error(test):
            return _written(plan, prepared, classifier, (test, predictions, baselines))

    result = written() if plan.workers is None else plan.workers.from_first(written)
    return Run(plan.path, result, classifier)


def _written(plan: RunPlan, prepared: Prepared, classifier: Classifier, evaluated: _Evaluated) -> dict[str, Any]:
    """Write the files of a finished run, and return the content of result.json."""
    from textforge.classifiers.bundles.bundle import save
    from textforge.runs.environment import add_imported_packages

    trainer, path = prepared.trainer, plan.path
    test, predictions, baselines = evaluated
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
    return result


@contextmanager
def _continued_on_interrupt(plan: RunPlan) -> Iterator[None]:
    """Save a checkpoint if the program ends while it evaluates, so that nothing is trained again."""
    try:
        yield
    except KeyboardInterrupt:
        assert plan.checkpoints is not None
        plan.checkpoints.write()
        raise


def _evaluate(plan: RunPlan, prepared: Prepared, classifier: Classifier) -> _Evaluated:
    """Evaluate on the test split; several processes share its texts, and the first one gets the figures."""
    from textforge.classifiers.baselines import free_baselines
    from textforge.classifiers.comparison import compare, measured
    from textforge.data.gold import Labelled

    if prepared.dataset.test is None:
        plan.progress.stage("no test split: nothing to evaluate")
        return None, [], {}
    plan.progress.stage("evaluating on test")
    texts, labels = prepared.dataset.test
    if plan.workers is None:
        probabilities = classifier.predict_proba(texts, on_batch=plan.progress.evaluated)
    else:
        own = [texts[row] for row in plan.workers.share(len(texts))]
        probabilities = plan.workers.gather_rows(classifier.predict_proba(own, on_batch=plan.progress.evaluated))
    if not plan.writes:
        return None, [], {}
    labelled = Labelled(labels, prepared.dataset.weights_of("test"), "test")
    compared = compare(classifier, labelled, probabilities, prepared.trainer.settings.unknown_labels)
    figures = measured(compared, prepared.trainer.metrics)
    return figures, prediction_lines(compared, plan.limit), free_baselines(prepared.dataset, compared.gold)


def _trained_baseline(plan: RunPlan, prepared: Prepared) -> Baselines:
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


def with_callbacks(plan: RunPlan, callbacks: Callbacks, done: Run) -> Run:
    """Call the callbacks' `finished`; rewrite result.json, which is complete already, only if they add metrics."""
    before = len(plan.warnings.messages)
    added = callbacks.finished({"path": str(plan.path), **done.result})
    if added or len(plan.warnings.messages) > before:
        done.result.update({"added": added} if added else {}, warnings=plan.warnings.messages)
        run_folder.write_result(plan.path, done.result)
    return done
