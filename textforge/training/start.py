"""Continue from a classifier: its vocabulary, its classes, and the weights that belong to them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn

from textforge.classifiers.classifier import Classifier
from textforge.components.own_methods import own_method
from textforge.components.part import Part
from textforge.data.dataset import Dataset
from textforge.data.gold import encode_gold
from textforge.data.labels import described_type, label_names, label_type
from textforge.errors import DataError, RecipeError, listed

Vocabulary = Literal["keep", "grow"]


@dataclass(frozen=True)
class Start:
    """A classifier to continue from.

    Args:
        classifier: the classifier. It is not changed.
        vocabulary: 'keep' keeps its features; 'grow' adds those of the new training texts.

    Raises:
        RecipeError: an argument is wrong, or the model of the classifier fits itself.
    """

    classifier: Classifier
    vocabulary: Vocabulary = "keep"

    def __post_init__(self) -> None:
        if not isinstance(self.classifier, Classifier):
            raise RecipeError(
                f"cannot continue: expected a textforge.Classifier, not a {type(self.classifier).__name__}. "
                "textforge.load(path) returns that of a run or a bundle."
            )
        if self.vocabulary not in get_args(Vocabulary):
            raise RecipeError(f"cannot continue: vocabulary must be 'keep' or 'grow', not {self.vocabulary!r}.")
        part = self.classifier.parts.get("model")
        if part is not None and part.fits_itself:
            raise RecipeError(f"cannot continue: {part.label} fits itself on all texts at once, so it cannot continue.")
        if self.vocabulary == "grow" and own_method(self.classifier.vectorizer, "grow") is None:
            vectorizer = self.classifier.parts.get("vectorizer")
            raise RecipeError(
                f"cannot continue: {vectorizer.label if vectorizer else 'the vectorizer'} cannot grow its vocabulary: "
                "it has no method grow(texts). Use vocabulary 'keep'."
            )

    def vectorizer(self) -> Any:
        """The fitted vectorizer; a copy if it is to grow."""
        fitted = self.classifier.vectorizer
        return copy.deepcopy(fitted) if self.vocabulary == "grow" else fitted


@dataclass(frozen=True)
class Matched:
    """What a training has taken over from the classifier that it continues."""

    known_classes: tuple[str, ...]
    """Classes of the classifier that the new training texts have."""
    new_classes: tuple[str, ...]
    absent_classes: tuple[str, ...]
    """Classes of the classifier without a new training text. They stay."""
    known_features: int
    new_features: int
    taken: tuple[str, ...] = ()
    """Names of the weights that were taken over as they are."""
    extended: tuple[str, ...] = ()
    """Names of the weights that were taken over and got rows or columns for new classes and features."""
    initialized: tuple[str, ...] = ()
    """Names of the weights that the classifier lacks, or has in another shape. They are drawn anew."""

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def __str__(self) -> str:
        parts = [f"classes: {len(self.known_classes)} known"]
        parts += [f"new: {listed(self.new_classes)}"] if self.new_classes else []
        parts += [f"without a text: {listed(self.absent_classes)}"] if self.absent_classes else []
        features = f"features: {self.known_features} known, {self.new_features} new"
        weights = f"weights: {len(self.taken)} taken over, {len(self.extended)} extended"
        weights += f", drawn anew: {listed(self.initialized)}" if self.initialized else ""
        return f"{', '.join(parts)}; {features}; {weights}"


def as_start(start: Any) -> Start | None:
    """Return a `Start` for what a caller gave as `start`: a classifier, a `Start` or None.

    Raises:
        RecipeError: it is none of these, or cannot be continued.
    """
    return start if start is None or isinstance(start, Start) else Start(start)


def with_components(start: Start, given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the components that a caller has given by those of the classifier.

    Raises:
        RecipeError: another vectorizer was given, or a model that fits itself.
    """
    own, parts = start.classifier, start.classifier.parts
    vectorizer = given["vectorizer"]
    if vectorizer is not None and vectorizer is not own.vectorizer:
        known = parts.get("vectorizer")
        if known is None or not isinstance(vectorizer, Part) or _options(known) != _options(vectorizer):
            shown = _options(known) if known else f"a {type(own.vectorizer).__name__}"
            raise RecipeError(
                "cannot continue: the weights of a classifier belong to the features of its own vectorizer, "
                f"{shown}. Leave the vectorizer out, or give the same one."
            )
    model = given["model"] if given["model"] is not None else parts.get("model", own.module)
    if getattr(model, "fits_itself", False) is True:
        raise RecipeError("cannot continue: the model fits itself on all texts at once. Give one that is trained.")
    return {**given, "vectorizer": parts.get("vectorizer", own.vectorizer), "model": model}


def _options(part: Part) -> dict[str, Any]:
    return replace(part, options=part.all_options).as_recipe()


def labels_after(start: Start, dataset: Dataset) -> tuple[Any, ...]:
    """The classes of the classifier, and after them those that only the new training texts have.

    Raises:
        DataError: the new texts have no label, or labels of another type.
        RecipeError: only one of the two has several labels per text.
    """
    known, several = start.classifier.labels, start.classifier.decision.multi_label
    if dataset.multi_label != several:
        one, other = ("several labels", "one label") if several else ("one label", "several labels")
        raise RecipeError(f"cannot continue: the classifier gives {one} per text, the dataset has {other} per text.")
    found = list(dataset.label_counts())
    if not found:
        raise DataError(f"none of the {dataset.n_train} training texts has a label.")
    if label_type(found[0]) is not label_type(known[0]):
        raise DataError(
            f"cannot continue: the labels of the classifier are {described_type(known[0])}, as {known[0]!r} is, and "
            f"those of train are {described_type(found[0])}, as {found[0]!r} is. Give labels of the same type; "
            "textforge.load(path, label_type=…) returns members of an Enum."
        )
    return encode_gold([(one,) for one in found] if several else found, known, "train", "wrong").names


def matched(start: Start, labels: Sequence[Any], present: Sequence[Any], facts: Mapping[str, Any]) -> Matched:
    """Compare classes and features with those of the classifier.

    Args:
        start: the classifier.
        labels: the classes of the training.
        present: the labels of the new training texts.
        facts: the facts that the module is built from.
    """
    known = start.classifier.labels
    before, now = (int(each.get("n_features") or 0) for each in (start.classifier.facts, facts))
    return Matched(
        known_classes=tuple(label_names([one for one in known if one in present])),
        new_classes=tuple(label_names(labels[len(known) :])),
        absent_classes=tuple(label_names([one for one in known if one not in present])),
        known_features=before,
        new_features=now - before,
    )


def take_weights(module: nn.Module, start: Start, facts: Mapping[str, Any], found: Matched) -> Matched:
    """Copy the weights of the classifier into a module, and say what happened to each.

    New classes and features come after the known ones, so known ones keep their places. A dimension may differ if its
    size is a fact, such as n_classes, in both modules; what lies beyond the known part keeps its initial values.

    Args:
        module: the new module. It is changed.
        start: the classifier.
        facts: the facts that the module was built from.
        found: the comparison of classes and features.

    Raises:
        RecipeError: there are new classes, and the model has no outputs for them.
    """
    theirs, before = start.classifier.module.state_dict(), start.classifier.facts
    sizes_of = [name for name in facts if name not in ("seed", "n_texts")]
    grown = {(before[one], facts[one]) for one in sizes_of if _is_size(facts[one]) and _is_size(before.get(one))}
    names: dict[str, list[str]] = {"taken": [], "extended": [], "initialized": []}
    for name, value in module.state_dict().items():
        old = theirs.get(name)
        if not isinstance(value, torch.Tensor) or not isinstance(old, torch.Tensor) or old.dim() != value.dim():
            names["initialized"].append(name)
            continue
        sizes = [*zip(old.shape, value.shape, strict=True)]
        if not all(one == other or (one < other and (one, other) in grown) for one, other in sizes):
            names["initialized"].append(name)
            continue
        with torch.no_grad():
            value[tuple(slice(0, one) for one, _ in sizes)].copy_(old)
        names["taken" if old.shape == value.shape else "extended"].append(name)
    if found.new_classes and not (names["extended"] or names["initialized"]):
        raise RecipeError(
            f"cannot continue: the model has no outputs for the new classes: {listed(found.new_classes)}. "
            "It was given as a module of a fixed size; give a function that makes one from n_classes."
        )
    taken, extended, initialized = (tuple(names[key]) for key in ("taken", "extended", "initialized"))
    return replace(found, taken=taken, extended=extended, initialized=initialized)


def _is_size(fact: Any) -> bool:
    return isinstance(fact, (int, np.integer)) and not isinstance(fact, bool)
