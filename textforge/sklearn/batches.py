"""Learn from one batch of texts after another, for `TextClassifier.partial_fit`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textforge.components.own_methods import own_method
from textforge.components.settings import MAX_SEED
from textforge.errors import RecipeError, listed
from textforge.recipes.recipe import Recipe
from textforge.runs.plan import trainer_arguments

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.data.dataset import Dataset
    from textforge.training.trainer import Trainer


@dataclass(frozen=True)
class Batch:
    """The texts of one call.

    Args:
        dataset: the texts and their labels, of which some classes may be missing.
        labels: all classes.
        number: the number of epochs before this one.
    """

    dataset: Dataset
    labels: list[Any]
    number: int


@dataclass(frozen=True)
class OptimizerState:
    """The optimizer between two calls."""

    section: Any
    """Its section of the recipe, and that of the model."""
    state: dict[str, Any]

    @classmethod
    def of(cls, trainer: Trainer, recipe: Recipe) -> OptimizerState:
        """The state of a trainer's optimizer."""
        from textforge.classifiers.ownership import copied_state

        assert trainer.optimizer is not None
        return cls(_section(recipe), copied_state(trainer.optimizer.state_dict()))


def why_not_in_batches(recipe: Recipe) -> str | None:
    """Why a recipe cannot learn from one batch after another; None if it can."""
    if recipe.model.fits_itself:
        return (
            f"partial_fit: {recipe.model.label} fits itself on all texts at once. Recipes whose model is trained in "
            "epochs by an optimizer can learn in batches, such as model linear, mlp, fasttext or textcnn."
        )
    if recipe.decision.calibrate or recipe.decision.threshold == "f1":
        key = "decision.calibrate" if recipe.decision.calibrate else "decision.threshold: f1"
        return f"partial_fit: {key} needs validation texts, and a batch has none. Set it to null (None)."
    return None


def keys_without_effect(recipe: Recipe) -> list[str]:
    """A warning that names the keys of a recipe that plan a whole training; empty if it has none."""
    settings = recipe.trainer
    plans = {"scheduler": recipe.scheduler, "trainer.validation": settings.validation, "trainer.ema": settings.ema}
    if found := [key for key, value in plans.items() if value]:
        return [f"partial_fit makes one pass over each batch, so these keys of the recipe do nothing: {listed(found)}."]
    return []


def batch_trainer(recipe: Recipe, batch: Batch, before: Classifier | None, optimizer: OptimizerState | None) -> Trainer:
    """A trainer for one epoch over a batch.

    The seed of the recipe is raised by one for each epoch before, so that batches are not shuffled alike.

    Args:
        recipe: the recipe.
        batch: the texts.
        before: the classifier to continue; None for the first batch.
        optimizer: the optimizer to continue, if the recipe still has the same one and the same model.

    Raises:
        RecipeError: the recipe cannot continue this classifier.
        DataError: the texts cannot be used for training.
    """
    from textforge.training.optimizer_state import continue_optimizer
    from textforge.training.start import Start
    from textforge.training.trainer import Trainer

    if recipe.init_from is not None:
        raise RecipeError("init_from is for runs: partial_fit continues its own classifier. Remove it.")
    given = trainer_arguments(recipe)
    given |= {"scheduler": None, "metrics": (), "epochs": 1, "validation": 0.0, "patience": None, "ema": None}
    given["seed"] = (recipe.seed + batch.number) % (MAX_SEED + 1)
    if before is None:
        trainer = Trainer(batch.dataset, labels=batch.labels, **given)
    else:
        start = Start(before, "grow" if _grows(before) else "keep")
        trainer = Trainer(batch.dataset, start=start, **given)
    trainer.repeatable = False  # a call that fails leaves the classifier of the last call
    trainer.prepare()
    if optimizer is not None and optimizer.section == _section(recipe):
        assert trainer.optimizer is not None
        continue_optimizer(trainer.optimizer, trainer.module, optimizer.state)
    return trainer


def batch_warnings(trainer: Trainer) -> Iterator[str]:
    """Warnings about a batch; those that judge a whole training or its metrics are left out."""
    yield from trainer.feature_warnings
    yield from trainer.part_warnings


def _grows(classifier: Classifier) -> bool:
    return own_method(classifier.vectorizer, "grow") is not None


def _section(recipe: Recipe) -> Any:
    """The sections that the state of an optimizer belongs to."""
    resolved = recipe.resolved()
    return [resolved.get("optimizer"), resolved["model"]]
