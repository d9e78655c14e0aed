"""What a trainer does once before the first epoch: split, vectorize, and find out how long an epoch is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from textforge.classifiers.decision import refuse_undecidable
from textforge.classifiers.vectorizing import vectorize
from textforge.components.columns import unread_columns
from textforge.components.part import plugin_errors
from textforge.components.settings import OF_RUNS, DecisionSettings, TrainerSettings
from textforge.data.dataset import Dataset
from textforge.data.gold import Gold
from textforge.data.labels import label_names, label_value
from textforge.data.streams import Stream
from textforge.data.training_splits import split_for_training
from textforge.data.weights import Weights
from textforge.errors import DataError, RecipeError, listed
from textforge.features.ragged import Features
from textforge.training.batch_sources import BatchPlan, BatchSource, InMemoryBatches, StreamedBatches
from textforge.training.budget import Budget
from textforge.training.distributed.vectorizing import SharedVectorizer
from textforge.training.distributed.workers import Workers
from textforge.training.factories import Factories
from textforge.training.setting_warnings import ChunkLabels, feature_warnings, order_warnings
from textforge.training.start import Start
from textforge.training.validation import Validation


@dataclass(frozen=True)
class Setup:
    """What a caller has given, checked."""

    dataset: Dataset
    labels: tuple[Any, ...]
    """The classes, in the order of the model's outputs."""
    factories: Factories
    settings: TrainerSettings
    decision: DecisionSettings
    validation: Validation
    seed: int
    device: torch.device
    start: Start | None = None
    """The classifier to continue from."""
    workers: Workers | None = None
    """The processes that train together; None for one."""

    @property
    def fits_itself(self) -> bool:
        """Whether the model is fitted in one call, without an optimizer."""
        return self.factories.fits_itself


@dataclass(frozen=True)
class Prepared:
    """The data of a training, ready for the first epoch."""

    source: BatchSource
    vectorizer: Any
    """The fitted vectorizer."""
    valid: tuple[Features, NDArray[Any]] | None
    """Features and encoded labels of the validation split; of several processes, each has features of its share."""
    valid_weights: Weights | None
    """Weights of its texts; None if all count equally."""
    valid_gold: Gold | None
    """How the labels of a validation split of the dataset were encoded."""
    facts: dict[str, Any]
    """The facts that the model is built from."""
    budget: Budget
    held_out: tuple[str, ...]
    """Sentences about the texts held out of train."""
    feature_warnings: tuple[str, ...]
    """Warnings about training texts without a feature."""
    warnings: tuple[str, ...]
    """Warnings about settings that harm training on these texts."""


def prepare(setup: Setup, vectorizer: Any) -> Prepared:
    """Split the data, fit the vectorizer on train, and compute features.

    Args:
        setup: what the caller has given.
        vectorizer: the trainer's own vectorizer; fitted already if there is a classifier to continue from.

    Raises:
        DataError: the data cannot be used for training.
        ComponentError: the vectorizer raised or broke its contract.
    """
    settings, dataset, factories = setup.settings, setup.dataset, setup.factories
    splits = split_for_training(dataset, setup.labels, settings, setup.seed)
    refuse_undecidable(setup.decision, setup.labels, multi_label=dataset.multi_label, valid=bool(splits.valid))
    metrics = setup.validation.metrics
    metrics.try_out()
    who, chunks = factories.name("vectorizer"), ChunkLabels(settings)
    part = factories.parts.get("vectorizer")
    if setup.start is not None and setup.start.vocabulary == "grow":
        if splits.train is None:
            raise RecipeError("cannot continue: a vocabulary grows from texts in memory, not from a stream. Keep it.")
        with plugin_errors(who, "growing its vocabulary"):
            vectorizer.grow(splits.train.texts)
    given: dict[str, Any] = {"on_labels": chunks.add, "fit": setup.start is None}
    alone = list[str]()
    if setup.workers is None:
        vectorized = vectorize(vectorizer, part, dataset, splits, **given)
    else:
        shared = SharedVectorizer(vectorizer, part, setup.workers)
        vectorized, alone = shared.vectorize(dataset, splits, **given), shared.remarks
    vectorizer = vectorized.vectorizer
    valid = (vectorized.valid, splits.valid.y) if splits.valid and vectorized.valid is not None else None
    valid_weights = splits.valid.weights if splits.valid else None
    weighted = valid_weights is not None or dataset.weights_of("test") is not None
    plan, featureless = BatchPlan(settings, setup.seed, setup.device, setup.workers), tuple[str, ...]()
    warnings = [*metrics.weight_warnings(weighted=weighted), *alone]
    if unread := unread_columns(part, dataset.columns):
        warnings.append(f"no vectorizer reads these columns of the data: {listed(unread)}.")
    if isinstance(dataset.train, Stream):
        source: BatchSource = StreamedBatches(dataset.train, setup.labels, vectorizer, who, plan)
        warnings += chunks.warnings()
    else:
        assert splits.train is not None
        assert vectorized.train is not None
        source = InMemoryBatches(vectorized.train, splits.train, plan)
        featureless = tuple(feature_warnings(vectorized.train, splits.train.texts, who))
        if not setup.fits_itself:
            warnings += order_warnings(splits.train.y, setup.labels, settings)
    budget = Budget(source.n_texts, settings)
    if budget.steps == 0 and not setup.fits_itself:
        raise DataError(
            f"{source.n_texts} training texts make no full batch of {settings.batch_size}, and "
            "drop_last leaves out the rest. Make trainer.batch_size smaller or trainer.drop_last false."
        )
    about_texts = {"class_counts": source.class_counts(setup.labels), "n_texts": source.n_texts}
    model = factories.parts.get("model")
    facts = {
        "labels": tuple(label_names(setup.labels)),
        **{name: fact for name, fact in about_texts.items() if model is None or model.asks_for(name)},
        **vectorized.facts,  # a vectorizer written before these three were facts may give one of that name
        "n_classes": len(setup.labels),
        "seed": setup.seed,
        "multi_label": dataset.multi_label,
    }
    return Prepared(
        source, vectorizer, valid, valid_weights, splits.valid_gold, facts, budget, splits.remarks, featureless,
        tuple(warnings),
    )  # fmt: skip


def identity(setup: Setup, prepared: Prepared) -> dict[str, Any]:
    """What a trainer must have in common with another one to continue from its state, as plain values."""
    settings = asdict(setup.settings)
    free, scheduler = ["patience", "device", "compile", *OF_RUNS], None  # the state has its own patience
    if "scheduler" not in setup.factories:
        free.append("epochs")
    else:
        part = setup.factories.parts.get("scheduler")
        scheduler = part.component.name if part else "a function"
    for name in free:
        del settings[name]
    return {
        "format": 1,
        "labels": [label_value(label) for label in setup.labels],
        "n_features": int(prepared.facts["n_features"]),
        "n_train": prepared.source.n_texts,
        "seed": setup.seed,
        "scheduler": scheduler,
        **settings,
    }
