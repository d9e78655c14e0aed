"""The training loop: a generator that yields one result per epoch.

Independent of YAML, entry points, files and the command line, so that it can be embedded.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.classifier import Classifier, as_device, logits
from textforge.classifiers.decision import Decision, Scored, fit_decision, refuse_undecidable
from textforge.classifiers.metrics import ExtraMetrics, Metric
from textforge.classifiers.random_state import RandomState
from textforge.classifiers.vectorizing import vectorize
from textforge.components.options import Options
from textforge.components.part import Part
from textforge.components.settings import DecisionSettings, TrainerSettings
from textforge.data.dataset import Dataset, as_dataset
from textforge.data.labels import label_names
from textforge.data.streams import Stream
from textforge.data.training_splits import split_for_training
from textforge.errors import DataError, RecipeError, TrainingError
from textforge.features.ragged import Features
from textforge.training.batch_sources import (
    BatchPlan,
    BatchSource,
    InMemoryBatches,
    StreamedBatches,
    refuse_stream,
    require_in_memory,
)
from textforge.training.budget import Budget
from textforge.training.factories import Factories, Factory
from textforge.training.one_shot import fit_in_one_call, refuse_weights
from textforge.training.optimization import Optimization, recording_gradients
from textforge.training.setting_warnings import ChunkLabels, feature_warnings, order_warnings
from textforge.training.validation import EpochResult as EpochResult, Figures, Validation, with_known_labels


class Trainer:
    """Trains one classifier. Iterate over it, or call `fit()`.

    Args:
        dataset: a `Dataset`, or a dataset `Part`; its training split may be a `Stream`.
        vectorizer: an object with `fit(texts)` and `transform(texts)`, or a vectorizer `Part`. It is
            fitted on the training texts only: with `fit`, or with `fit_chunks(chunks)` if they are a stream.
        model: a factory that takes facts by name (n_features, n_classes, seed, …) and returns a
            `torch.nn.Module`, or a model `Part`.
        optimizer: a factory that takes the fact params and returns a `torch.optim.Optimizer`, or an
            optimizer `Part`; None only if the model fits itself.
        scheduler: a factory that takes the fact optimizer (and total_steps, …) and returns a torch
            learning-rate scheduler, or a scheduler `Part`.
        loss: a factory that returns a callable (logits, targets) -> mean loss, or a loss `Part`. Defaults to
            cross-entropy, or to binary cross-entropy for multi-label data.
        metrics: additional validation metrics: metric `Part`s, or a mapping of names to callables
            (gold, probabilities) -> float.
        decision: how probabilities become predicted labels: the fields of `DecisionSettings`.
        seed: determines every random draw; torch's global random state and the caller's stay untouched.
        on_step: called after each batch with (epoch, batch, batches in the epoch); epochs and batches count from 1.
        settings: the fields of `TrainerSettings`.

    Raises:
        RecipeError: a setting is unknown or out of range.
        DataError: the data cannot be used for training.
        TrainingError: the loss is not finite.
        ComponentError: a component raised an exception or broke its contract.
    """

    def __init__(
        self,
        dataset: Dataset | Part,
        vectorizer: Any,
        model: Factory | Part,
        optimizer: Factory | Part | None = None,
        *,
        scheduler: Factory | Part | None = None,
        loss: Factory | Part | None = None,
        metrics: Sequence[Part] | Mapping[str, Metric] = (),
        decision: Mapping[str, Any] | DecisionSettings | None = None,
        seed: int = 0,
        on_step: Callable[[int, int, int], None] | None = None,
        **settings: Any,
    ) -> None:
        self.settings = TrainerSettings(**Options(TrainerSettings, "trainer").accepted(settings))
        if not isinstance(decision, DecisionSettings):
            decision = DecisionSettings(**Options(DecisionSettings, "decision").accepted(decision or {}))
        self._decision = decision
        self.device = as_device(self.settings.device)
        self._random = RandomState(seed, self.device)
        self.seed = self._random.seed
        given = {
            "vectorizer": vectorizer, "model": model, "optimizer": optimizer, "scheduler": scheduler, "loss": loss,
        }  # fmt: skip
        self._factories = Factories(given)
        self.parts = self._factories.parts
        self.fits_itself = getattr(model, "fits_itself", False) is True  # of a part, or of a factory
        if optimizer is None and not self.fits_itself:
            raise RecipeError("an optimizer is needed; only a model that fits itself does without one.")
        self.dataset = as_dataset(dataset, self.seed)
        self.vectorizer = vectorizer.build({"seed": self.seed}) if isinstance(vectorizer, Part) else vectorizer
        if isinstance(self.dataset.train, Stream):
            fits_chunks = self.parts["vectorizer"].fits_chunks if "vectorizer" in self.parts else True
            refuse_stream(self.vectorizer if fits_chunks else None, self.fits_itself, self._factories)
        self.labels = self.dataset.labels()
        extra = ExtraMetrics(metrics, labels=self.labels, multi_label=self.dataset.multi_label)
        self._validation = Validation(self.settings.monitor, extra)
        self.history: list[EpochResult] = []
        self._on_step = on_step
        self._prepared = False
        self._optimization: Optimization | None = None
        self._best: EpochResult | None = None
        self._best_weights: dict[str, Any] | None = None
        self._doubts: list[str] = []
        self.setting_warnings: list[str] = []
        """Warnings, once prepared, about settings that harm training on these texts."""

    def prepare(self) -> None:
        """Split the data, fit the vectorizer on train, compute features, build model and optimizer.

        Later calls do nothing.
        """
        if not self._prepared:
            with recording_gradients():
                self._prepare()
            self._prepared = True

    def _prepare(self) -> None:
        splits = split_for_training(self.dataset, self.labels, self.settings, self.seed)
        self._valid_gold, self._held_out = splits.valid_gold, splits.remarks
        refuse_undecidable(self._decision, self.labels, multi_label=self.dataset.multi_label, valid=bool(splits.valid))
        self._validation.metrics.try_out()
        of_valid = splits.valid.weights if splits.valid else None
        measured_with_weights = of_valid is not None or self.dataset.weights_of("test") is not None
        self.setting_warnings += self._validation.metrics.weight_warnings(weighted=measured_with_weights)
        who, chunks = self._factories.name("vectorizer"), ChunkLabels(self.settings)
        part = self.parts.get("vectorizer")
        vectorized = vectorize(self.vectorizer, part, self.dataset, splits, on_labels=chunks.add)
        self._valid: tuple[Features, NDArray[Any]] | None = None
        if splits.valid and vectorized.valid is not None:
            self._valid = (vectorized.valid, splits.valid.y)
            self._valid_weights = splits.valid.weights
        plan = BatchPlan(self.settings, self.seed, self.device)
        if splits.train and vectorized.train is not None:
            self._source: BatchSource = InMemoryBatches(vectorized.train, splits.train, plan)
            self.setting_warnings += feature_warnings(vectorized.train, splits.train.texts, who)
            if not self.fits_itself:
                self.setting_warnings += order_warnings(splits.train.y, self.labels, self.settings)
        elif isinstance(self.dataset.train, Stream):
            self._source = StreamedBatches(self.dataset.train, self.labels, self.vectorizer, who, plan)
            self.setting_warnings += chunks.warnings()
        self._budget = Budget(self._source.n_texts, self.settings)
        if self._budget.steps == 0 and not self.fits_itself:
            raise DataError(
                f"{self._source.n_texts} training texts make no full batch of {self.settings.batch_size}, and "
                "drop_last leaves out the rest. Make trainer.batch_size smaller or trainer.drop_last false."
            )
        self.facts = {
            **vectorized.facts, "n_classes": len(self.labels), "seed": self.seed,
            "multi_label": self.dataset.multi_label,
        }  # fmt: skip
        self._build()

    def __iter__(self) -> Iterator[EpochResult]:
        """Train epoch by epoch. A new iterator continues after the last finished epoch."""
        self.prepare()
        while not self.finished:
            with recording_gradients():
                result = self._epoch(len(self.history) + 1)
            yield result

    def fit(self) -> Classifier:
        """Train all remaining epochs and return the classifier."""
        for _ in self:
            pass
        return self.classifier()

    def classifier(self) -> Classifier:
        """A copy of the current classifier, which later epochs do not change.

        It has the best epoch's weights if there is a validation split and `restore_best` is on.
        """
        self.prepare()
        with recording_gradients():
            with self._kept_weights():
                module = self._factories.copied(self.module, self.facts)
            if self._best_weights is not None:
                module.load_state_dict(self._best_weights)
            decision = self._decided(module)
        parts = {kind: part for kind, part in self.parts.items() if kind in ("vectorizer", "model")}
        return Classifier(
            self.vectorizer, module, self.labels, facts=self.facts, parts=parts, device=self.device, decision=decision
        )

    def _decided(self, module: nn.Module) -> Decision:
        fitted = self._decision.calibrate or self._decision.threshold == "f1"
        valid = None
        if fitted and self._valid is not None:
            gold = Scored(self._logits(self._valid[0], module), self._valid[1], self._valid_weights)
            valid = with_known_labels(gold)
        several = self.dataset.multi_label
        decision, self._doubts = fit_decision(self._decision, self.labels, multi_label=several, valid=valid)
        return decision

    @property
    def metrics(self) -> ExtraMetrics:
        """The metrics in addition to the standard ones."""
        return self._validation.metrics

    @property
    def train_labels(self) -> NDArray[Any]:
        """Encoded labels of the training texts, without those held out for validation.

        Class indices, int64 (n,), or 0 and 1 per class, float32 (n, n_classes).

        Raises:
            RecipeError: the training split is a stream, whose labels are not kept.
        """
        self.prepare()
        return require_in_memory(self._source, "to tell every label").y

    @property
    def n_train(self) -> int:
        """The number of training texts, without those held out for validation."""
        self.prepare()
        return self._source.n_texts

    @property
    def warnings(self) -> list[str]:
        """All warnings: `Dataset.remarks`, held-out data, `setting_warnings` and `part_warnings`."""
        if not self._prepared:
            return []
        return [*self.dataset.remarks(), *self._held_out, *self.setting_warnings, *self.part_warnings]

    @property
    def part_warnings(self) -> list[str]:
        """Warnings of vectorizer, model, unknown labels, epochs with an undefined metric, and the last decision."""
        said = [getattr(one, "warnings", ()) for one in (self.vectorizer, self.module)] if self._prepared else []
        own = [str(sentence) for sentences in said for sentence in sentences]
        unknown = self._valid_gold.warnings if self._prepared and self._valid_gold else ()
        return [*own, *unknown, *self._validation.warnings, *self._doubts]

    @property
    def epochs(self) -> int:
        """The maximum number of epochs."""
        return 1 if self.fits_itself else self.settings.epochs

    @property
    def steps(self) -> int:
        """The number of batches per epoch."""
        self.prepare()
        return 1 if self.fits_itself else self._budget.steps

    @property
    def best(self) -> EpochResult | None:
        """The best epoch by the monitored metric; None without a validation split."""
        return self._best

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or `patience` has run out."""
        done, patience = len(self.history), self.settings.patience
        waited = done - self._best.number if self._best else 0
        return done >= self.epochs or (patience is not None and waited >= patience)

    def _build(self) -> None:
        """Build the module, and what changes its weights."""
        with self._random.active():
            self.module = self._factories.module(self.facts).to(self.device)
            if self.fits_itself:
                refuse_weights(self.module, self._source, self._factories.name("model"))
                return
            self.module.train()
            facts = {
                "n_classes": len(self.labels),
                "labels": tuple(label_names(self.labels)),
                "class_counts": self._source.class_counts(self.labels),
                "n_texts": self._source.n_texts,
                "multi_label": self.dataset.multi_label,
                "weighted": self._source.weighted,
                "monitor_mode": self._validation.mode,
            }
            self._optimization = Optimization(self.module, self._factories, facts, self._budget)
        if self._optimization.needs_validation and self._valid is None:
            raise RecipeError(
                f"{self._factories.name('scheduler')} follows the validation figure {self.settings.monitor}. "
                "Set trainer.validation, for instance to 0.1."
            )

    def _epoch(self, number: int) -> EpochResult:
        began = time.perf_counter()
        train_loss = self._trained(number)
        with self._kept_weights():
            valid = self._validate(number)
            best = valid is not None and self._validation.better(valid, self._best.valid if self._best else None)
            if best and self.settings.restore_best:
                self._best_weights = copy.deepcopy(self.module.state_dict())
        if self._optimization is not None and valid is not None:
            self._optimization.epoch_ended(valid[self._validation.monitor])
        result = EpochResult(number, train_loss, valid, best, self.steps, time.perf_counter() - began)
        if best:
            self._best = result
        self.history.append(result)
        return result

    def _trained(self, epoch: int) -> float:
        """Train for one epoch and return the mean loss of its texts."""
        if self._optimization is None:
            who = self._factories.name("model")
            source = require_in_memory(self._source, who)
            loss = fit_in_one_call(self.module, source, len(self.labels), self._random, who)
            if self._on_step is not None:
                self._on_step(1, 1, 1)
            return loss
        batches = self._source.epoch(epoch)
        return self._optimization.epoch(epoch, batches, self._random, self._on_step)

    def _kept_weights(self) -> Any:
        return nullcontext() if self._optimization is None else self._optimization.weights()

    def _logits(self, features: Features, module: nn.Module) -> NDArray[np.float32]:
        with self._random.active():
            return logits(module, features, len(self.labels), self.device, self._factories.name("model"))

    def _validate(self, epoch: int) -> Figures | None:
        if self._valid is None:
            return None
        features, gold = self._valid
        try:
            labels = self._valid_gold.names if self._valid_gold else self.labels
            scored = Scored(self._logits(features, self.module), gold, self._valid_weights)
            figures = self._validation.measure(scored, labels)
        except TrainingError as error:
            advice = self._optimization.what_to_try() if self._optimization else ""
            raise TrainingError(f"{error} in epoch {epoch}.{advice}") from error
        if not self.fits_itself:  # with a single epoch there is nothing to choose
            self._validation.refuse_undefined(figures, epoch, gold, labels)
        return figures
