"""A trained classifier in memory: texts in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.decision import Decision
from textforge.classifiers.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.classifiers.random_state import RandomState
from textforge.components.part import Part, part_name, plugin_errors
from textforge.data.dataset import as_labels, as_texts, encode_labels
from textforge.errors import ComponentError, DataError, RecipeError, TrainingError
from textforge.features.ragged import Features, as_features, bounded_batches

BATCH_SIZE = 512
"""Texts at a time in prediction; it bounds memory and changes no result beyond float rounding."""
MOST_PADDED = 2**17
"""Words at a time in prediction, with the padding of texts to the longest of a batch."""


class Classifier:
    """What `Trainer.classifier()` and `textforge.load()` return.

    Args:
        vectorizer: fitted.
        module: the trained `torch.nn.Module`; put into evaluation mode.
        labels: the classes, in the order of the module's outputs.
        facts: what the module was built from.
        parts: the named components behind vectorizer and model; without them it cannot be saved.
        device: where to compute: 'cpu', 'cuda' (also 'cuda:1'), or 'auto'.
        decision: how outputs become answers; by default the most probable class.

    Raises:
        RecipeError: there is no such device here.
    """

    def __init__(
        self,
        vectorizer: Any,
        module: nn.Module,
        labels: Sequence[str],
        *,
        facts: Mapping[str, Any] | None = None,
        parts: Mapping[str, Part] | None = None,
        device: torch.device | str = "cpu",
        decision: Decision | None = None,
    ) -> None:
        self.vectorizer = vectorizer
        self.decision = decision or Decision()
        self.device = as_device(device)
        self.module = module.to(self.device).eval()
        self.labels = tuple(labels)
        self.facts = dict(facts or {})
        self.parts = dict(parts or {})

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: a named model as its part and weights, since a factory may make its classes as it goes."""
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
        self, texts: Sequence[str], *, on_batch: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """Probabilities, float32, shape (len(texts), len(labels)).

        Each row sums to 1; where a text may have several labels each probability stands for itself.

        Args:
            texts: a sequence of str.
            on_batch: called with (texts done, texts in all) as it goes on.

        Raises:
            DataError: something in `texts` is not text.
        """
        texts = as_texts(texts, "texts")
        if not texts:
            return np.empty((0, len(self.labels)), dtype=np.float32)
        chunks = []
        for start in range(0, len(texts), BATCH_SIZE):
            chunks.append(self.probabilities(self.features(texts[start : start + BATCH_SIZE])))
            if on_batch is not None:
                on_batch(min(start + BATCH_SIZE, len(texts)), len(texts))
        return np.concatenate(chunks)

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """The label of each text; a tuple of labels where a text may have several; None where it abstains.

        Raises:
            DataError: something in `texts` is not text.
        """
        return self.answers(self.predict_proba(texts))

    def answers(self, probabilities: NDArray[np.float32]) -> list[Any]:
        """As `predict`, from probabilities that are there already."""
        chosen = self.decision.chosen(probabilities)
        if self.decision.multi_label:
            return [tuple(self.labels[n] for n in np.flatnonzero(row)) for row in chosen]
        found: list[Any] = [self.labels[n] for n in chosen.tolist()]
        for n in np.flatnonzero(~self.decision.answered(probabilities)).tolist():
            found[n] = None
        return found

    def abstain_below(self, probability: float | None) -> None:
        """From now on answer None where the most probable class is less probable than this; None always answers.

        Raises:
            RecipeError: that is no probability, or texts may have several labels, where none is an answer.
        """
        if probability is not None:
            number = isinstance(probability, (int, float, np.number)) and not isinstance(probability, bool)
            if not number or not 0 <= probability <= 1:
                raise RecipeError(f"abstain must be a probability from 0 to 1, not {probability!r}.")
            probability = float(probability)
        if self.decision.multi_label:
            raise RecipeError("abstaining is for one label a text; where there may be several, none is an answer.")
        self.decision = replace(self.decision, abstain=probability)

    def evaluate(
        self,
        texts: Sequence[str],
        labels: Sequence[Any],
        *,
        name: str = "test",
        metrics: ExtraMetrics | None = None,
        on_batch: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Figures on labelled texts: see `textforge.classifiers.metrics`.

        Raises:
            DataError: there are no texts, not as many labels as texts, or a label that the classifier does not know.
        """
        return self.metrics(labels, self.predict_proba(texts, on_batch=on_batch), name=name, metrics=metrics)

    def metrics(
        self,
        labels: Sequence[Any],
        probabilities: NDArray[np.float32],
        *,
        name: str = "test",
        metrics: ExtraMetrics | None = None,
    ) -> dict[str, Any]:
        """As `evaluate`, from probabilities that are there already."""
        rows = as_labels(labels, name)
        if len(rows) != len(probabilities):
            raise DataError(f"{name}: {len(probabilities)} texts but {len(rows)} labels.")
        if not rows:
            raise DataError(f"{name}: there are no texts to evaluate on.")
        several = self.decision.multi_label
        if isinstance(rows[0], tuple) != several:
            raise DataError(
                f"{name}: its texts have {'one label each' if several else 'lists of labels'}; "
                f"the classifier gives {'sets of labels' if several else 'one label a text'}."
            )
        gold, chosen = encode_labels(rows, self.labels, name), self.decision.chosen(probabilities)
        figures = (multi_label_metrics if several else classification_metrics)(gold, chosen, self.labels)
        if metrics is not None:
            figures |= metrics.measure(gold, probabilities)
        if self.decision.abstain is not None:
            answered = self.decision.answered(probabilities)
            right = float((gold == chosen)[answered].mean()) if answered.any() else None
            figures["answered"] = {"share": float(answered.mean()), "accuracy": right}
        return figures

    def features(self, texts: Sequence[str]) -> Features:
        """What the vectorizer makes of texts: the first half of `predict_proba`, all at once."""
        return vectorized(self.vectorizer, texts, part_name(self.parts.get("vectorizer"), "the vectorizer"))

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """The second half of `predict_proba`.

        Raises:
            ComponentError: the model raised, or returned something else.
            TrainingError: its outputs are not finite.
        """
        who = part_name(self.parts.get("model"), "the model")
        scores = logits(self.module, features, len(self.labels), self.device, who)
        if not np.isfinite(scores).all():
            raise TrainingError(
                f"{who} gives outputs that are not finite numbers; its weights are probably not, either."
            )
        return self.decision.probabilities(scores)


def as_device(device: torch.device | str) -> torch.device:
    """A device by name; 'auto' is the first CUDA device where there is one, else the CPU.

    Raises:
        RecipeError: there is no such device here.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    no_device = RecipeError(f"there is no device '{device}'. Use device 'cpu', 'cuda' or 'auto'.")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise no_device from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise RecipeError(f"device '{found}': torch finds no CUDA device here. Use device 'cpu' or 'auto'.")
    try:
        torch.zeros(1, device=found).item()  # asks the device itself; 'meta' holds no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise no_device from error
    return found


def rebuilt(part: Part, facts: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """A model's module made anew, with weights that it had.

    Raises:
        ComponentError: the weights do not fit what the factory makes.
    """
    with RandomState(0, torch.device("cpu")).active():  # its first weights are drawn, then replaced
        module: nn.Module = part.build(facts)
    with plugin_errors(part.label, "taking its saved weights"):
        module.load_state_dict(weights)
    return module


def given_facts(vectorizer: Any, part: Part | None, known: Container[str] = ("n_features",)) -> dict[str, Any]:
    """The facts that a fitted vectorizer gives to models: its attributes of those names.

    Without those `known` already; n_features is what its features tell.

    Raises:
        ComponentError: it lacks one that it promised.
    """
    who = part_name(part, "the vectorizer")
    gives = part.gives if part else getattr(vectorizer, "gives", ())
    facts = {}
    for name in gives:
        if name not in known:
            with plugin_errors(who, f"giving the fact '{name}', which its 'gives' promises"):
                facts[name] = getattr(vectorizer, name)
    return facts


def fitted_features(vectorizer: Any, texts: Sequence[str], who: str) -> Features:
    """Fit a vectorizer on texts and transform them, in one pass where it can.

    Raises:
        ComponentError: it raised, or returned something else.
    """
    with plugin_errors(who, "being fitted"):
        if hasattr(vectorizer, "fit_transform"):
            found = vectorizer.fit_transform(texts)
        else:
            vectorizer.fit(texts)
            found = vectorizer.transform(texts)
        return as_features(found, len(texts), who)


def vectorized(vectorizer: Any, texts: Sequence[str], who: str) -> Features:
    """The features that a fitted vectorizer makes of texts.

    Raises:
        ComponentError: it raised, or returned something else.
    """
    with plugin_errors(who, "turning texts into features"):
        return as_features(vectorizer.transform(list(texts)), len(texts), who)


def forward(module: nn.Module, batch: Any, n_classes: int, who: str) -> torch.Tensor:
    """One pass: logits, float32, shape (rows, n_classes).

    Raises:
        ComponentError: the module raised, or returned something else.
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
        f"{who} returned {found}; expected a float tensor of shape {wanted}: one logit a text and class."
    )


def logits(
    module: nn.Module, features: Features, n_classes: int, device: torch.device, who: str
) -> NDArray[np.float32]:
    """Outputs of a module in evaluation mode, float32, shape (rows, n_classes), without gradients.

    Raises:
        ComponentError: the module raised, or returned something else.
    """
    training, told = module.training, any(part.training for part in module.modules())
    if told:  # telling every part that it evaluates when all do already would cost more than a short text
        module.eval()
    scores = np.empty((len(features), n_classes), dtype=np.float32)
    try:
        with torch.no_grad():  # not inference_mode: what a module keeps of it could not be trained with later
            for batch, rows in bounded_batches(features, BATCH_SIZE, MOST_PADDED):
                scores[rows] = forward(module, batch.to(device), n_classes, who).cpu().numpy()
    finally:
        if told:
            module.train(training)
    return scores
