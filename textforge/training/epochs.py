"""One epoch after another: train, validate, keep the best weights; and go on after an interrupt."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.decision import Scored
from textforge.classifiers.engines.torch_engine import logits
from textforge.classifiers.ownership import copied_state
from textforge.classifiers.random_state import RandomState
from textforge.data.labels import label_names
from textforge.errors import RecipeError, TrainingError
from textforge.features.ragged import Features
from textforge.training.batch_sources import require_in_memory
from textforge.training.compiling import compile_module
from textforge.training.distributed.steering import SharedSteering
from textforge.training.distributed.steps import SharedSteps, refuse_batch_norm, tensors_of
from textforge.training.one_shot import fit_in_one_call, refuse_weights
from textforge.training.optimization import Optimization
from textforge.training.preparation import Prepared, Setup
from textforge.training.start import Matched, matched, take_weights
from textforge.training.state import EpochProgress
from textforge.training.steering import OnStep, Steering
from textforge.training.step_result import StepResult
from textforge.training.validation import EpochResult, Figures


class Epochs:
    """The module in training, and everything that changes with each step and epoch.

    An exception may come at any moment: an interrupt, an error of a component, one that `on_step` raises. Between two
    steps everything is consistent, and the next call continues with the next step. Within a step it is not, and the
    next call goes back to a copy of the state in which this stretch of the epoch began. In both cases the weights
    become those of a training that was never interrupted.

    Args:
        setup: what the caller has given.
        prepared: the data.
        random: the random state of the training.
        steering: how long to train.
        on_step: called after each step.
    """

    def __init__(
        self, setup: Setup, prepared: Prepared, random: RandomState, steering: Steering, on_step: OnStep | None
    ) -> None:
        self._setup, self._prepared, self._random = setup, prepared, random
        self._steering, self._on_step = steering, on_step
        self.history: list[EpochResult] = []
        self.best: EpochResult | None = None
        self.best_weights: dict[str, Any] | None = None
        self.repeatable = True
        """Whether to copy the state at the start of each epoch, to go back to after an exception within a step."""
        self.progress: EpochProgress | None = None
        """The position in an epoch that is not finished."""
        self._kept: dict[str, Any] | None = None
        self._in_step = self._torn = False
        self.matched: Matched | None = None
        self._before_building = random.state()
        self.optimization: Optimization | None = None
        self._build()

    def _build(self) -> None:
        """Build the module, and what changes its weights."""
        setup, prepared = self._setup, self._prepared
        with self._random.active():
            built = setup.factories.module(prepared.facts)
            with setup.factories.calling("model", "being put on its device"):
                self.module: nn.Module = built.to(setup.device)
            if setup.settings.compile and not setup.fits_itself:
                compile_module(self.module)
            if setup.workers is not None:
                refuse_batch_norm(self.module, setup.factories.name("model"))
            if setup.start is not None:
                found = matched(setup.start, setup.labels, [*setup.dataset.label_counts()], prepared.facts)
                with setup.factories.calling("model", "giving its weights"):
                    self.matched = take_weights(self.module, setup.start, prepared.facts, found)
            if setup.fits_itself:
                refuse_weights(self.module, prepared.source, setup.factories.name("model"))
                return
            with setup.factories.calling("model", "being put into training mode"):
                self.module.train()
            facts = {
                **prepared.facts,
                "labels": tuple(label_names(setup.labels)),
                "class_counts": prepared.source.class_counts(setup.labels),
                "n_texts": prepared.source.n_texts,
                "epochs": setup.settings.epochs,
                "weighted": prepared.source.weighted,
                "monitor_mode": setup.validation.mode,
            }
            shared = None
            if setup.workers is not None:
                assert isinstance(self._steering, SharedSteering)
                setup.workers.copy_from_first(tensors_of(self.module))
                shared = SharedSteps(self.module, setup.workers, self._steering)
            self.optimization = Optimization(self.module, setup.factories, facts, prepared.budget, shared)
        if self.optimization.needs_validation and prepared.valid is None:
            raise RecipeError(
                f"{setup.factories.name('scheduler')} follows the validation figure {setup.settings.monitor}. "
                "Set trainer.validation, for instance to 0.1."
            )

    # -- one epoch -------------------------------------------------------------------------------

    def run(self) -> EpochResult:
        """Train the next epoch, or the rest of one that was interrupted.

        Raises:
            TrainingError: the loss is not finite, or the epoch was interrupted within a step and is not repeatable.
        """
        self.settle()
        if self.progress is None:
            self.progress = EpochProgress(len(self.history) + 1, self._setup.device)
        restorable = self.optimization is not None and self.optimization.no_state is None
        self._kept = self.state() if self.repeatable and restorable else None
        began = time.perf_counter()
        self._in_step = True
        try:
            result = self._epoch(self.progress, began)
            self._in_step = False
        finally:
            self._torn = self._in_step
            if not self._torn:
                self._kept = None
                if self.progress is not None:
                    self.progress.seconds += time.perf_counter() - began
        return result

    def settle(self) -> None:
        """Go back to the state before an interrupted stretch of an epoch; do nothing after any other.

        Raises:
            TrainingError: the state was not kept: `repeatable` is off, or the scheduler has no state.
        """
        if not self._torn:
            return
        if self.optimization is None:  # a model that fits itself has not learned anything yet
            self._random.load(self._before_building)
            self._build()
            self.progress = None
        elif self._kept is None:
            why = "repeatable is off" if not self.repeatable else "the scheduler has no state_dict()"
            raise TrainingError(
                "training was interrupted within a step, which may have changed only a part of the weights, and "
                f"{why}. Begin with a new Trainer, or from a state_dict()."
            )
        else:
            self.load(self._kept)
        self._torn, self._kept = False, None

    def _epoch(self, progress: EpochProgress, began: float) -> EpochResult:
        setup = self._setup
        train_loss = self._trained(progress)
        if setup.workers is not None:
            setup.workers.copy_from_first(self.module.buffers())  # that a forward pass may have changed
        with self.kept_weights():
            valid = self._validate(progress.number)
            best = valid is not None and setup.validation.better(valid, self.best.valid if self.best else None)
            if best and setup.settings.restore_best:
                self.best_weights = self.weights()
        if self.optimization is not None and valid is not None:
            self.optimization.epoch_ended(valid[setup.validation.monitor])
        seconds = progress.seconds + time.perf_counter() - began
        result = EpochResult(progress.number, train_loss, valid, best, progress.step, seconds)
        if best:
            self.best = result
        self.history.append(result)
        self.progress = None
        return result

    def _trained(self, progress: EpochProgress) -> float:
        """Train for one epoch and return the mean loss of its texts."""
        if self.optimization is None:
            who = self._setup.factories.name("model")
            source = require_in_memory(self._prepared.source, who)
            loss = fit_in_one_call(self.module, source, len(self._setup.labels), self._random, who)
            progress.step = 1
            self._after_step(StepResult(1, 1, 1))
            return loss
        batches = self._prepared.source.epoch(progress.number)
        return self.optimization.epoch(progress, batches, self._random, self._after_step)

    def _after_step(self, result: StepResult) -> bool:
        """Call `on_step`, and return whether to end the epoch."""
        if self._on_step is not None:
            # An exception that it raises leaves everything consistent, except a model that would fit itself again.
            self._in_step = self.optimization is None
            self._on_step(result)
            self._in_step = True
        return self._steering.stops_after_step

    def weights(self) -> dict[str, Any]:
        """A copy of the module's weights."""
        with self._setup.factories.calling("model", "giving its weights"):
            found: dict[str, Any] = copied_state(self.module.state_dict())
        return found

    def kept_weights(self) -> Any:
        """Give the module the weights to validate and keep inside the `with` block."""
        return nullcontext() if self.optimization is None else self.optimization.weights()

    def logits(self, features: Features, module: nn.Module) -> NDArray[np.float32]:
        """Outputs of a module, float32, shape (n, n_classes), computed with the training's random state.

        Of several processes, each gives features of its share of the texts, and gets the outputs for all texts.
        """
        setup = self._setup
        with self._random.active():
            found = logits(module, features, len(setup.labels), setup.device, setup.factories.name("model"))
        return found if setup.workers is None else setup.workers.gather_rows(found)

    def _validate(self, epoch: int) -> Figures | None:
        setup, prepared = self._setup, self._prepared
        if prepared.valid is None:
            return None
        features, gold = prepared.valid
        try:
            labels = prepared.valid_gold.names if prepared.valid_gold else setup.labels
            scored = Scored(self.logits(features, self.module), gold, prepared.valid_weights)
            figures = self._measured(scored, labels)
        except TrainingError as error:
            advice = self.optimization.what_to_try() if self.optimization else ""
            raise TrainingError(f"{error} in epoch {epoch}.{advice}") from error
        if not setup.fits_itself:  # with a single epoch there is nothing to choose
            setup.validation.refuse_undefined(figures, epoch, gold, labels)
        return figures

    def _measured(self, scored: Scored, labels: Sequence[Any]) -> Figures:
        """Measure; several processes take the figures of the first, so that all decide alike."""
        setup = self._setup
        if setup.workers is None:
            return setup.validation.measure(scored, labels)
        return setup.workers.from_first(lambda: setup.validation.measure(scored, labels))

    # -- state -----------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that later epochs depend on. Tensors are copies, except those of `best_weights`."""
        training = self.optimization.state() if self.optimization is not None else {"module": self.weights()}
        return {
            **training,
            "random": self._random.state(),
            "history": [asdict(result) for result in self.history],
            "best_epoch": self.best.number if self.best else None,
            "best_weights": self.best_weights,
            "undefined": self._setup.validation.undefined,
            "progress": None if self.progress is None else self.progress.state(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned. Tensors are copied, except those of `best_weights`."""
        if self.optimization is not None:
            self.optimization.load(state)
        else:
            with self._setup.factories.calling("model", "taking its weights"):
                self.module.load_state_dict(state["module"])
        self._random.load(state["random"])
        self.history = [EpochResult(**result) for result in state["history"]]
        self.best = None if state["best_epoch"] is None else self.history[state["best_epoch"] - 1]
        self.best_weights = state["best_weights"]
        self._setup.validation.undefined = state["undefined"]
        progress = state["progress"]
        self.progress = None if progress is None else EpochProgress.from_state(progress, self._setup.device)
        self._torn = False
