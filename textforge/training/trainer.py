"""The training loop: a generator that yields one result per epoch.

Independent of YAML, entry points, files and the command line, so that it can be embedded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

import torch
from torch import nn

from textforge.classifiers.classifier import Classifier
from textforge.classifiers.compilers import refuse_without_compiler
from textforge.classifiers.decision import Decision, Scored, fit_decision
from textforge.classifiers.devices import as_device
from textforge.classifiers.metrics import ExtraMetrics, Metric
from textforge.classifiers.ownership import copied_state
from textforge.classifiers.random_state import RandomState
from textforge.classifiers.vectorizing import needed_columns
from textforge.components.options import Options
from textforge.components.part import Part
from textforge.components.rows import ColumnKind
from textforge.components.settings import DecisionSettings, TrainerOptions, TrainerSettings
from textforge.data.dataset import Dataset, as_dataset
from textforge.data.streams import Stream
from textforge.errors import RecipeError, TextforgeError
from textforge.training.batch_sources import refuse_stream
from textforge.training.distributed.steering import SharedSteering
from textforge.training.distributed.workers import Workers
from textforge.training.epochs import Epochs
from textforge.training.factories import Factories, Factory
from textforge.training.given import given_components, refuse_settings_of_runs
from textforge.training.gradient_mode import recording_gradients
from textforge.training.preparation import Prepared, Setup, identity
from textforge.training.progressing import Progressing
from textforge.training.start import Start, labels_after
from textforge.training.state import refuse_other_state, refuse_other_than_plain
from textforge.training.steering import Steering, StopAfter, checked_on_step
from textforge.training.step_result import StepResult
from textforge.training.validation import EpochResult as EpochResult, Validation, with_known_labels

if TYPE_CHECKING:
    from textforge.classifiers.checkpoints.folder import Location


class Trainer(Progressing):
    """Trains one classifier. Iterate over it, or call `fit()`.

    Vectorizer, model, optimizer, scheduler and loss may be `Part`s, or names of parts whose options have defaults.
    Objects of the caller are not changed: the vectorizer is copied before it is fitted, and modules are copied.

    Args:
        dataset: a `Dataset`, or a dataset `Part`; its training split may be a `Stream`.
        vectorizer: an object with `fit(texts)` and `transform(texts)`, or a vectorizer `Part`. It is
            fitted on the training texts only: with `fit`, or with `fit_chunks(chunks)` if they are a stream.
        model: a factory that takes facts by name (n_features, n_classes, seed, …) and returns a
            `torch.nn.Module`, or a model `Part`, or a module.
        optimizer: a factory that takes the fact params and returns a `torch.optim.Optimizer`, or an
            optimizer `Part`; None only if the model fits itself.
        scheduler: a factory that takes the fact optimizer (and total_steps, …) and returns a torch
            learning-rate scheduler, or a scheduler `Part`.
        loss: a factory that returns a callable (logits, targets) -> mean loss, or a loss `Part`. Defaults to
            cross-entropy, or to binary cross-entropy for multi-label data.
        metrics: additional validation metrics: metric `Part`s, or a mapping of names to callables
            (gold, probabilities) -> float.
        decision: how probabilities become predicted labels: the fields of `DecisionSettings`.
        start: a classifier to continue from, which is not changed. Its vectorizer is used, and its model if none is
            given; weights of known words and classes are taken over. `Start` lets the vocabulary grow.
        labels: all classes, in the order of the model's outputs, if the training texts may lack some of them, as one
            batch of more to come does. By default those of the training texts. With `start`, they are those of the
            classifier and of the new texts.
        seed: determines every random draw; torch's global random state and the caller's stay untouched.
        on_step: called after each batch with a `StepResult`.
        workers: the processes that train together, each of which makes a `Trainer` with the same arguments and calls
            the same methods; None for one process, whether or not a process group exists.
        settings: the fields of `TrainerSettings`, except `checkpoint`, which is for runs.

    Raises:
        RecipeError: a setting is unknown or out of range.
        DataError: the data cannot be used for training.
        TrainingError: the loss is not finite.
        ComponentError: a component raised an exception or broke its contract.
    """

    def __init__(
        self,
        dataset: Dataset | Part,
        vectorizer: Any = None,
        model: Factory | Part | nn.Module | str | None = None,
        optimizer: Factory | Part | str | None = None,
        *,
        scheduler: Factory | Part | str | None = None,
        loss: Factory | Part | nn.Module | str | None = None,
        metrics: Sequence[Part] | Mapping[str, Metric] = (),
        decision: Mapping[str, Any] | DecisionSettings | None = None,
        start: Classifier | Start | None = None,
        labels: Iterable[Any] | None = None,
        seed: int = 0,
        on_step: Callable[[StepResult], object] | None = None,
        workers: Workers | None = None,
        **settings: Unpack[TrainerOptions],
    ) -> None:
        refuse_settings_of_runs(settings)
        self.settings: TrainerSettings = TrainerSettings(**Options(TrainerSettings, "trainer").accepted({**settings}))
        if not isinstance(decision, DecisionSettings):
            decision = DecisionSettings(**Options(DecisionSettings, "decision").accepted(decision or {}))
        self.device: torch.device = as_device(self.settings.device)
        if self.settings.compile:
            refuse_without_compiler(self.device)
        self._random = RandomState(seed, self.device)
        self.seed: int = self._random.seed
        self._on_step = checked_on_step(on_step)
        given = {
            "vectorizer": vectorizer, "model": model, "optimizer": optimizer, "scheduler": scheduler, "loss": loss,
        }  # fmt: skip
        given, begun = given_components(given, start)
        factories = Factories(given)
        self.parts: dict[str, Part] = factories.parts
        self.fits_itself: bool = factories.fits_itself
        if optimizer is None and not self.fits_itself:
            raise RecipeError("an optimizer is needed; only a model that fits itself does without one.")
        self.dataset: Dataset = as_dataset(dataset, self.seed)
        part = self.parts.get("vectorizer")
        self.columns: dict[str, ColumnKind] = needed_columns(part, self.dataset.columns)
        if begun is not None:
            self.vectorizer: Any = begun.vectorizer()
        else:
            self.vectorizer = part.build({"seed": self.seed}) if part else given["vectorizer"]
        if isinstance(self.dataset.train, Stream) and begun is None:
            fits_chunks = part.fits_chunks if part else True
            refuse_stream(self.vectorizer if fits_chunks else None, self.fits_itself, factories)
        if begun is not None and labels is not None:
            raise RecipeError("labels: with start, the classes are those of the classifier. Leave labels out.")
        self.labels: tuple[Any, ...] = labels_after(begun, self.dataset) if begun else self.dataset.labels(labels)
        extra = ExtraMetrics(metrics, labels=self.labels, multi_label=self.dataset.multi_label)
        validation = Validation(self.settings.monitor, extra)
        self._setup = Setup(
            self.dataset, self.labels, factories, self.settings, decision, validation, self.seed, self.device, begun,
            workers,
        )  # fmt: skip
        if workers is not None and self.fits_itself:
            raise RecipeError(
                f"{factories.name('model')} fits itself on all texts at once, so several processes do not help. Run it "
                "in one process, without torchrun."
            )
        planned = 1 if self.fits_itself else self.settings.epochs, self.settings.patience
        self._steering = Steering(*planned) if workers is None else SharedSteering(*planned, workers)
        self._prepared: Prepared | None = None
        self._epochs: Epochs | None = None
        self._repeatable = True
        self._doubts: list[str] = []

    # -- training --------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Split the data, fit the vectorizer on train, compute features, build model and optimizer.

        Later calls do nothing.
        """
        self._started()

    def __iter__(self) -> Iterator[EpochResult]:
        """Train epoch by epoch until `finished`.

        A new iterator continues where training stands. If an exception ended an epoch early, it trains the rest of
        the epoch. The weights are then those of a training that was never interrupted, bit for bit.
        """
        epochs = self._started()
        while not self._ended():
            with recording_gradients():
                result = epochs.run()
            yield result.copy()

    def _ended(self) -> bool:
        """Whether training is finished; several processes agree on it first."""
        if isinstance(self._steering, SharedSteering):
            self._steering.agree()
        return self.finished

    def train(self, epochs: int | None = None) -> list[EpochResult]:
        """Train `epochs` more epochs, whatever was planned, and return their results.

        A stop that was asked for earlier no longer holds, and `patience` counts from here. A scheduler makes its last
        step at the end of the planned epochs; after them, the learning rate stays as it is, or as you set it.

        Args:
            epochs: the number of epochs; by default those that are planned and not done.

        Raises:
            RecipeError: `epochs` is not at least 1, or the model fits itself and is fitted.
        """
        if epochs is not None:
            done = len(self._started().history)
            if self.fits_itself and done:
                raise RecipeError("train: a model that fits itself has one epoch, which is done.")
            self._steering.extend(done, 1 if self.fits_itself else epochs)
        return list(self)

    def fit(self) -> Classifier:
        """Train all remaining epochs and return the classifier."""
        for _ in self:
            pass
        return self.classifier()

    def stop(self, reason: str = "stopped by the caller", *, after: StopAfter = "step") -> None:
        """Ask training to end; does nothing if it has. Call it between epochs, in `on_step`, or from another thread.

        An epoch that ends early is validated and counted as any other, so that the best weights are kept.

        Args:
            reason: the value of `stop_reason` from now on.
            after: 'step' ends the epoch after the current step, or after the update that its gradients are summed up
                for; 'epoch' waits for the end of the epoch.
        """
        if not self.finished:
            self._steering.stop(reason, after)

    def classifier(self) -> Classifier:
        """A copy of the current classifier, which later epochs do not change.

        It has the best epoch's weights if there is a validation split and `restore_best` is on.
        """
        epochs = self._started()
        with recording_gradients():
            with epochs.kept_weights():
                module = self._setup.factories.copied(epochs.module, self.facts)
            if epochs.best_weights is not None:
                with self._setup.factories.calling("model", "taking its best weights"):
                    module.load_state_dict(epochs.best_weights)
            decision = self._decided(epochs, module)
        parts = {kind: part for kind, part in self.parts.items() if kind in ("vectorizer", "model")}
        return Classifier(
            self.vectorizer, module, self.labels,
            facts=self.facts, parts=parts, columns=self.columns, device=self.device, decision=decision,
            copy_module=False,
        )  # fmt: skip

    def _decided(self, epochs: Epochs, module: nn.Module) -> Decision:
        settings, several = self._setup.decision, self.dataset.multi_label
        split = self._data().valid
        valid = None
        if split is not None and (settings.calibrate or settings.threshold == "f1"):
            valid = with_known_labels(Scored(epochs.logits(split[0], module), split[1], self._data().valid_weights))
        decision, self._doubts = fit_decision(settings, self.labels, multi_label=several, valid=valid)
        return decision

    # -- state -----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, apart from data and components: a copy.

        It holds the module, optimizer, scheduler, averaged and best weights, gradients that wait for their update,
        the random state, the history, and the position, also in the middle of an epoch (in `on_step`). It consists of
        tensors, numbers, texts, None, lists and dicts only. A trainer of the same arguments that loads it continues
        bit for bit.

        Raises:
            ComponentError: the state of a component holds other objects, or the scheduler has no `state_dict`.
        """
        epochs = self._started()
        with recording_gradients():
            state = {**epochs.state(), "steering": self._steering.state(), "of": identity(self._setup, self._data())}
            state["best_weights"] = copied_state(state["best_weights"])
        for key, value in state.items():
            refuse_other_than_plain(value, key)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state_dict` returned. The state is copied.

        Raises:
            RecipeError: it is the state of a training with other data, settings or components.
        """
        epochs, own = self._started(), self.state_dict()
        try:
            refuse_other_state(state, own)
            with recording_gradients():
                epochs.load({**state, "best_weights": copied_state(state["best_weights"])})
            self._steering.load(state["steering"])
        except TextforgeError:
            raise
        except Exception as error:  # a component refuses its part, or the state was changed
            raise RecipeError(
                f"load_state_dict: the state does not fit this training: {type(error).__name__}: {error}"
            ) from error

    def checkpoint(self, path: Location) -> None:
        """Write `state_dict()` to a new folder, complete or not at all, as JSON and safetensors.

        Call it between epochs or in `on_step`; `from_checkpoint` continues from there.

        Args:
            path: the folder to create.

        Raises:
            BundleError: `path` exists.
            ComponentError: the state of a component holds what a checkpoint cannot, or the scheduler has none.
            StorageError: the folder cannot be written.
        """
        from textforge.classifiers.checkpoints.folder import write_checkpoint

        write_checkpoint(path, {"trainer": self.state_dict()})

    @classmethod
    def from_checkpoint(cls, path: Location, *arguments: Any, **given: Any) -> Self:
        """A trainer that continues, bit for bit, from a checkpoint of one with the same arguments.

        Args:
            path: a folder that `checkpoint` wrote, or a checkpoint of a run.
            arguments, given: those of `Trainer`.

        Raises:
            BundleError: there is no checkpoint, or it is damaged.
            RecipeError: it is of a training with other data, settings or components.
        """
        from textforge.classifiers.checkpoints.folder import read_checkpoint

        state = read_checkpoint(path)
        trainer = cls(*arguments, **given)
        trainer.load_state_dict(state.get("trainer", {}))  # which refuses what is no state
        return trainer
