"""A trained classifier in memory: texts in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.comparison import compare, measured
from textforge.classifiers.decision import Decision
from textforge.classifiers.devices import as_device
from textforge.classifiers.metrics import ExtraMetrics, Metrics
from textforge.classifiers.ownership import copied_module
from textforge.classifiers.rebuilding import rebuilt
from textforge.classifiers.vectorizing import feature_names, vectorized
from textforge.components.part import Part, part_name, plugin_errors
from textforge.components.rows import ColumnKind, ColumnKinds
from textforge.components.settings import UnknownLabels
from textforge.data.given_rows import GivenColumns, GivenTexts, as_rows
from textforge.data.gold import Labelled
from textforge.data.labels import label_names
from textforge.data.weights import Weights, as_weights, refuse_all_zero
from textforge.errors import ComponentError, DataError, RecipeError, TrainingError, listed
from textforge.features.ragged import Features, bounded_batches

BATCH_SIZE = 512
"""Texts per prediction batch. Bounds memory; affects results only by float rounding."""
MOST_PADDED = 2**17
"""Most words per prediction batch, counting the padding of every text to the longest one."""


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
        self.vectorizer: Any = vectorizer
        self.decision: Decision = decision or Decision()
        self.device: torch.device = as_device(device)
        self.labels: tuple[Any, ...] = tuple(labels)
        self.facts: dict[str, Any] = dict(facts or {})
        self.parts: dict[str, Part] = dict(parts or {})
        self.columns: dict[str, ColumnKind] = dict(columns or {})
        if copy_module:
            part = self.parts.get("model")
            build = partial(part.build, self.facts) if part else None
            module = copied_module(module, build, part_name(part, "the model"))
        with plugin_errors(part_name(self.parts.get("model"), "the model"), "being put on its device"):
            self.module: nn.Module = module.to(self.device).eval()

    def __repr__(self) -> str:
        parts = [part_name(self.parts.get(kind), type(own).__name__) for kind, own in
                 (("vectorizer", self.vectorizer), ("model", self.module))]  # fmt: skip
        weights = sum(one.numel() for one in self.module.parameters())
        return (
            f"<Classifier of {len(self.labels):,} labels ({listed(label_names(self.labels), limit=5)}): "
            f"{parts[0]}, {parts[1]} with {weights:,} weights, on {self.device}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle; a named model becomes its part and weights.

        A factory may define its module class locally, and pickle cannot store an instance of such a class.
        """
        state = dict(vars(self))
        if "model" in self.parts:
            state["weights"] = state.pop("module").state_dict()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.pop("weights", None)
        vars(self).update(state)
        if weights is not None:
            self.module = rebuilt(self.parts["model"], self.facts, weights).to(self.device).eval()

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
        who = part_name(self.parts.get("model"), "the model")
        scores = logits(self.module, features, len(self.labels), self.device, who)
        if not np.isfinite(scores).all():
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


def forward(module: nn.Module, batch: Any, n_classes: int, who: str) -> torch.Tensor:
    """Run the module on one batch and return logits, float32, shape (rows, n_classes).

    Raises:
        ComponentError: the module raised, or returned anything but a float tensor of that shape.
    """
    with plugin_errors(who, "computing a batch"):
        scores = module(batch)
    wanted = (len(batch), n_classes)
    if isinstance(scores, torch.Tensor) and tuple(scores.shape) == wanted and scores.is_floating_point():
        return scores.float()
    found = (
        f"{scores.dtype} of shape {tuple(scores.shape)}" if isinstance(scores, torch.Tensor) else type(scores).__name__
    )
    raise ComponentError(
        f"{who} returned {found}; expected a float tensor of shape {wanted}: one logit per text and class."
    )


def logits(
    module: nn.Module, features: Features, n_classes: int, device: torch.device, who: str
) -> NDArray[np.float32]:
    """Run the module in evaluation mode, without gradients; return logits, float32, shape (rows, n_classes).

    Raises:
        ComponentError: the module raised, or returned anything but a float tensor of that shape.
    """
    with plugin_errors(who, "being put into evaluation mode"):
        training, switched = module.training, any(part.training for part in module.modules())
        if switched:  # eval() visits every submodule, which costs more than predicting a short text
            module.eval()
    scores = np.empty((len(features), n_classes), dtype=np.float32)
    try:
        with torch.no_grad():  # not inference_mode: tensors that a module caches here must stay trainable
            for batch, rows in bounded_batches(features, BATCH_SIZE, MOST_PADDED):
                scores[rows] = forward(module, batch.to(device), n_classes, who).cpu().numpy()
    finally:
        if switched:
            with plugin_errors(who, "being put into training mode"):
                module.train(training)
    return scores
