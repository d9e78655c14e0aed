"""A trained classifier in memory: texts in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.comparison import compare, measured
from textforge.classifiers.decision import Decision
from textforge.classifiers.engines.engine import BATCH_SIZE, Engine, ModelPart
from textforge.classifiers.metrics import ExtraMetrics, Metrics
from textforge.classifiers.vectorizing import feature_names, vectorized
from textforge.components.part import Part, part_name
from textforge.components.rows import ColumnKind, ColumnKinds
from textforge.components.settings import UnknownLabels
from textforge.data.given_rows import GivenColumns, GivenTexts, as_rows
from textforge.data.gold import Labelled
from textforge.data.labels import label_names
from textforge.data.weights import Weights, as_weights, refuse_all_zero
from textforge.errors import DataError, RecipeError, TrainingError, listed
from textforge.features.ragged import Features

if TYPE_CHECKING:
    import torch
    from torch import nn


class About(TypedDict, total=False):
    """What a classifier knows besides its vectorizer, model and labels: the arguments of `Classifier`."""

    facts: Mapping[str, Any] | None
    parts: Mapping[str, Part] | None
    columns: ColumnKinds | None
    decision: Decision | None


class Classifier:
    """A trained classifier, as returned by `Trainer.classifier()` and `textforge.load()`.

    Args:
        vectorizer: the fitted vectorizer.
        module: the trained `torch.nn.Module`. A copy of it is moved to `device` and set to evaluation mode.
        labels: the classes, in the order of the module's outputs: text, or ints, bools or members of an Enum.
        facts: the facts that the module was built from.
        parts: the named components of the vectorizer and the model. A classifier without them cannot be saved.
        columns: the columns that texts need beside them, with their kinds: 'number', 'category' or 'text'.
        device: 'cpu', 'cuda' (or 'cuda:1'), or 'auto'.
        decision: how outputs become labels; by default the most probable class.
        copy_module: whether to copy the module. Set it to False to hand over a module that nothing else uses.

    Raises:
        RecipeError: the device is not available.
        ComponentError: the module cannot be copied.
    """

    def __init__(
        self,
        vectorizer: Any,
        module: nn.Module,
        labels: Sequence[Any],
        *,
        facts: Mapping[str, Any] | None = None,
        parts: Mapping[str, Part] | None = None,
        columns: ColumnKinds | None = None,
        device: torch.device | str = "cpu",
        decision: Decision | None = None,
        copy_module: bool = True,
    ) -> None:
        from textforge.classifiers.engines.torch_engine import TorchEngine

        self._hold(vectorizer, labels, facts=facts, parts=parts, columns=columns, decision=decision)
        model = ModelPart(self.parts.get("model"), self.facts, len(self.labels))
        self.engine: Engine = (TorchEngine.of_copy if copy_module else TorchEngine)(model, module, device)

    def _hold(self, vectorizer: Any, labels: Sequence[Any], **about: Unpack[About]) -> None:
        self.vectorizer: Any = vectorizer
        self.decision: Decision = about.get("decision") or Decision()
        self.labels: tuple[Any, ...] = tuple(labels)
        self.facts: dict[str, Any] = dict(about.get("facts") or {})
        self.parts: dict[str, Part] = dict(about.get("parts") or {})
        self.columns: dict[str, ColumnKind] = dict(about.get("columns") or {})

    @property
    def module(self) -> nn.Module:
        """The trained `torch.nn.Module`.

        A classifier that computes without torch builds it on first use, and computes by it from then on, so that a
        change of its weights shows in the predictions.

        Raises:
            ComponentError: the bundle holds an exported model, or torch is not installed.
        """
        engine = self.engine.with_module()
        self.engine = engine
        return engine.module

    @property
    def device(self) -> torch.device:
        """The device that the model computes on."""
        import torch

        return torch.device(self.engine.device)

    def __repr__(self) -> str:
        vectorizer = part_name(self.parts.get("vectorizer"), type(self.vectorizer).__name__)
        model = part_name(self.parts.get("model"))
        return (
            f"<Classifier of {len(self.labels):,} labels ({listed(label_names(self.labels), limit=5)}): "
            f"{vectorizer}, {model or type(self.module).__name__} with {self.engine.n_weights:,} weights, "
            f"on {self.engine.device}>"
        )

    def predict_proba(
        self,
        texts: GivenTexts,
        *,
        columns: GivenColumns = None,
        on_batch: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Return the probabilities of each text, float32, shape (len(texts), len(labels)).

        Each row sums to 1, except in a multi-label classifier, where the probabilities are independent.

        Args:
            texts: any iterable of str: a list, an array, a column, a generator. For a classifier with `columns`: dicts
                of the text, under the key `text`, and the columns; or a table with such columns. Others are ignored.
            columns: the values of each column, by name, if `texts` are texts alone.
            on_batch: called after each batch with (number of texts done, total number of texts).

        Raises:
            DataError: an item of `texts` is not a str, or lacks a column that the classifier needs.
        """
        texts = self.rows(texts, columns)
        if not texts:
            return np.empty((0, len(self.labels)), dtype=np.float32)
        chunks = []
        for start in _starts(texts):
            chunks.append(self.probabilities(self.features(texts[start : start + BATCH_SIZE])))
            if on_batch is not None:
                on_batch(min(start + BATCH_SIZE, len(texts)), len(texts))
        return np.concatenate(chunks)

    def predict(self, texts: GivenTexts, *, columns: GivenColumns = None) -> list[Any]:
        """Return the label of each text, or None where the classifier abstains.

        A multi-label classifier returns a tuple of labels for each text.

        Args:
            texts: as for `predict_proba`.
            columns: as for `predict_proba`.

        Raises:
            DataError: an item of `texts` is not a str, or lacks a column that the classifier needs.
        """
        return self.answers(self.predict_proba(texts, columns=columns))

    def rows(self, texts: GivenTexts, columns: GivenColumns = None) -> list[str]:
        """Return texts with the columns that the classifier needs; see `predict_proba`."""
        return as_rows(texts, self.columns, columns)

    def answers(self, probabilities: NDArray[np.float32]) -> list[Any]:
        """Like `predict`, but from probabilities that have already been computed.

        Raises:
            DataError: `probabilities` does not have one column per label.
        """
        probabilities = self._with_columns(probabilities)
        chosen = self.decision.chosen(probabilities)
        if self.decision.multi_label:
            return [tuple(self.labels[n] for n in np.flatnonzero(row)) for row in chosen]
        found: list[Any] = [self.labels[n] for n in chosen.tolist()]
        for n in np.flatnonzero(~self.decision.answered(probabilities)).tolist():
            found[n] = None
        return found

    def abstain_below(self, probability: float | None) -> None:
        """Abstain from now on where the highest probability is below `probability`; None turns abstaining off.

        Raises:
            RecipeError: `probability` is not a number from 0 to 1, or the classifier is multi-label.
        """
        if probability is not None:
            number = isinstance(probability, (int, float, np.number)) and not isinstance(probability, bool)
            if not number or not 0 <= probability <= 1:
                raise RecipeError(f"abstain must be a probability from 0 to 1, not {probability!r}.")
            probability = float(probability)
        if self.decision.multi_label:
            raise RecipeError(
                "abstention needs one label per text; a multi-label classifier may return no label instead."
            )
        self.decision = replace(self.decision, abstain=probability)

    def evaluate(
        self,
        texts: GivenTexts,
        labels: Iterable[Any],
        *,
        columns: GivenColumns = None,
        weights: Sequence[float] | NDArray[np.float64] | None = None,
        name: str = "test",
        metrics: Metrics = (),
        unknown_labels: UnknownLabels = "error",
        on_batch: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Predict labelled texts and return their metrics; see `textforge.classifiers.metrics`.

        Args:
            texts: as for `predict_proba`.
            labels: the label, or the labels, of each text.
            columns: as for `predict_proba`.
            weights: how often each text counts, a number from 0; None counts each once. Texts of weight 0 are left out.
            name: the name of the split, for messages.
            metrics: metrics in addition to the standard ones: metric `Part`s, or a mapping of names to callables
                (gold, probabilities) -> float, as `Trainer` takes them.
            unknown_labels: treatment of labels unknown to the classifier: 'error' raises; 'wrong' counts
                texts with such a label as errors, as scikit-learn does; 'drop' leaves these texts out.
            on_batch: called after each batch with (number of texts done, total number of texts).

        Raises:
            DataError: `texts` is empty, differs in length from `labels` or `weights`, a label is unknown to the
                classifier, or a weight is negative or not finite, or all are 0.
        """
        texts = self.rows(texts, columns)
        checked = _checked(weights, len(texts), name)  # before time is spent on predicting
        found = self.predict_proba(texts, on_batch=on_batch)
        return self.metrics(labels, found, weights=checked, name=name, metrics=metrics, unknown_labels=unknown_labels)

    def metrics(
        self,
        labels: Iterable[Any],
        probabilities: NDArray[np.float32],
        *,
        weights: Sequence[float] | NDArray[np.float64] | None = None,
        name: str = "test",
        metrics: Metrics = (),
        unknown_labels: UnknownLabels = "error",
    ) -> dict[str, Any]:
        """Like `evaluate`, but from probabilities that have already been computed.

        Raises:
            DataError: as `evaluate`, or `probabilities` does not have one column per label.
        """
        probabilities = self._with_columns(probabilities)
        labelled = Labelled(labels, _checked(weights, len(probabilities), name), name)
        compared = compare(self, labelled, probabilities, unknown_labels)
        if not isinstance(metrics, ExtraMetrics):
            metrics = ExtraMetrics(metrics, labels=self.labels, multi_label=self.decision.multi_label)
        return measured(compared, metrics)

    def features(self, texts: GivenTexts) -> Features:
        """Vectorize texts in one call: the first half of `predict_proba`.

        Raises:
            DataError: an item of `texts` is not a str.
        """
        return vectorized(self.vectorizer, self.rows(texts), part_name(self.parts.get("vectorizer"), "the vectorizer"))

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """Run the model on features: the second half of `predict_proba`.

        Raises:
            ComponentError: the model raised, or did not return logits of the expected shape.
            TrainingError: the model's outputs are not finite.
        """
        return self.decision.probabilities(self._logits(features))

    def logits(self, texts: GivenTexts) -> NDArray[np.float32]:
        """Return the model's outputs for each text before they become probabilities, float32, (n_texts, n_labels).

        A temperature that was fitted is not applied.

        Raises:
            DataError: an item of `texts` is not a str.
            ComponentError: the model raised, or did not return logits of the expected shape.
            TrainingError: the model's outputs are not finite.
        """
        texts = self.rows(texts)
        found = [self._logits(self.features(texts[start : start + BATCH_SIZE])) for start in _starts(texts)]
        return np.concatenate([np.empty((0, len(self.labels)), dtype=np.float32), *found])

    @property
    def feature_names(self) -> list[str] | None:
        """The name of each feature, in the order of their indices; None if the vectorizer has no names."""
        return feature_names(self.vectorizer, part_name(self.parts.get("vectorizer"), "the vectorizer"))

    def _logits(self, features: Features) -> NDArray[np.float32]:
        scores = self.engine.logits(features)
        if not np.isfinite(scores).all():
            who = part_name(self.parts.get("model"), "the model")
            raise TrainingError(
                f"{who} gives outputs that are not finite numbers; its weights are probably not finite, either."
            )
        return scores

    def _with_columns(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        found = np.asarray(probabilities)
        if found.ndim != 2 or found.shape[1] != len(self.labels) or found.dtype.kind not in "fiu":
            raise DataError(
                f"probabilities must be numbers of shape (texts, {len(self.labels)}), a column for each label; "
                f"these are {found.dtype} of shape {found.shape}."
            )
        return found


def computed_by(engine: Engine, vectorizer: Any, labels: Sequence[Any], **about: Unpack[About]) -> Classifier:
    """Make a classifier whose model an engine computes, without torch if the engine is another.

    Args:
        engine: computes the model. It is used as it is.
        vectorizer: the fitted vectorizer.
        labels: the classes, in the order of the model's outputs.
        about: as for `Classifier`.
    """
    made = Classifier.__new__(Classifier)
    made._hold(vectorizer, labels, **about)
    made.engine = engine
    return made


def _starts(texts: Sequence[str]) -> range:
    return range(0, len(texts), BATCH_SIZE)


def _checked(weights: Any, n_texts: int, name: str) -> Weights | None:
    """Validate the weights of texts to evaluate on.

    Raises:
        DataError: see `as_weights`; or all weights are 0.
    """
    if weights is None:
        return None
    found = np.array(as_weights(weights, n_texts, name))
    refuse_all_zero(found, name)
    return found
