"""One measurement of a trial: train a recipe on a fold's texts, and predict the texts that were held out."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from textforge.components.manager import PluginManager
from textforge.components.settings import result_key
from textforge.errors import TextforgeError
from textforge.recipes.recipe import Recipe, load_recipe
from textforge.runs.plan import given_part, trainer_arguments, trainer_for
from textforge.runs.tuning.folds import Folds, Place
from textforge.runs.tuning.known_features import FeatureCache, numbered

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.data.dataset import Dataset


@dataclass(frozen=True)
class Measured:
    """The result of a measurement, as plain values."""

    figures: dict[str, float] = field(default_factory=dict)
    """Metrics on the texts held out."""
    chosen: list[Any] = field(default_factory=list)
    """Class number of the answer to each text, in the order of the fold's rows; sets of labels: a list of 0 and 1."""
    seconds: float = 0.0
    """How long it takes, with the features, even if these were known."""
    failed: str | None = None
    """Why there is no result."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Laboratory:
    """Measures recipes on folds. A process has one; it keeps what several measurements share.

    Args:
        folds: the texts.
        plugins: registry in which components are looked up.
    """

    def __init__(self, folds: Folds, plugins: PluginManager) -> None:
        self.folds: Folds = folds
        self.plugins: PluginManager = plugins
        self._features = FeatureCache()
        self._datasets: dict[Place, Dataset] = {}
        self._saved = 0.0

    def measure(self, sections: dict[str, Any], place: Place) -> Measured:
        """Train a recipe at a place and measure it. Never raises for a fault of the recipe or of a plugin.

        Args:
            sections: the recipe as plain values; its dataset is not used.
            place: the fold and the number of texts.
        """
        began = time.perf_counter()
        self._saved = 0.0
        figures, chosen, failed = dict[str, float](), list[Any](), None
        try:
            figures, chosen = self._measure(sections, place)
        except TextforgeError as error:
            failed = str(error)
        except (Exception, SystemExit) as error:
            failed = f"{type(error).__name__}: {error}"
        return Measured(figures, chosen, time.perf_counter() - began + self._saved, failed)

    def _measure(self, sections: dict[str, Any], place: Place) -> tuple[dict[str, float], list[Any]]:
        from textforge.classifiers.comparison import compare, measured, with_labels
        from textforge.classifiers.metrics import ExtraMetrics
        from textforge.data.gold import Labelled

        if place not in self._datasets:
            self._datasets = {**self._datasets, place: self.folds.fold(place)}
        dataset = self._datasets[place]
        recipe = load_recipe(sections, plugins=self.plugins, dataset=given_part(dataset))
        trained, texts = self._trained(recipe, dataset, place)
        assert dataset.test is not None
        labels = self.folds.labels
        wider, spread = with_labels(trained, trained.predict_proba(texts), labels)
        comparison = compare(wider, Labelled(dataset.test[1], dataset.weights_of("test"), "held out"), spread)
        extra = ExtraMetrics(recipe.metrics, labels=labels, multi_label=dataset.multi_label)
        found = measured(comparison, extra)
        names = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", *map(result_key, extra.names))
        figures = {name: float(found[name]) for name in names if isinstance(found.get(name), (int, float))}
        return figures, wider.decision.chosen(comparison.probabilities).tolist()

    def _trained(self, recipe: Recipe, dataset: Dataset, place: Place) -> tuple[Classifier, list[str]]:
        """Train a classifier; return it with the texts to predict, which may be stand-ins for the real ones."""
        from textforge.training.trainer import Trainer

        assert dataset.test is not None
        if recipe.trainer.validation or dataset.valid is not None:
            return trainer_for(recipe, dataset).fit(), [*dataset.test[0]]
        before = time.perf_counter()
        known = self._features.features(recipe.vectorizer, dataset, str(place), recipe.seed)
        self._saved = max(0.0, known.seconds - (time.perf_counter() - before))
        stand_in = numbered(dataset)
        assert stand_in.test is not None
        trainer = Trainer(stand_in, **{**trainer_arguments(recipe), "vectorizer": known})
        trainer.repeatable = False  # an exception ends the measurement
        return trainer.fit(), [*stand_in.test[0]]
