"""Calls of a vectorizer: fit it, transform texts, and read the facts that it gives to models."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from textforge.components.columns import column_mistakes, columns_read
from textforge.components.own_methods import own_method
from textforge.components.part import Part, part_name, plugin_errors
from textforge.components.rows import ColumnKind, ColumnKinds
from textforge.data.dataset import Dataset
from textforge.data.offered import called_offering
from textforge.data.training_splits import TrainingSplits
from textforge.errors import DataError
from textforge.features.ragged import Features, as_features


@dataclass(frozen=True)
class Vectorized:
    """The texts of a training as features."""

    train: Features | None
    """None for a stream, whose chunks are transformed in each epoch."""
    valid: Features | None
    facts: dict[str, Any]
    """What the fitted vectorizer gives to models, with n_features."""
    vectorizer: Any
    """The fitted vectorizer."""


def vectorize(
    vectorizer: Any,
    part: Part | None,
    dataset: Dataset,
    splits: TrainingSplits,
    *,
    on_labels: Callable[[Sequence[Any]], None] | None = None,
    fit: bool = True,
) -> Vectorized:
    """Fit a vectorizer on the training texts only, and transform the splits in memory.

    Args:
        vectorizer: has `fit` and `transform`; and `fit_chunks`, if the training texts are a stream.
        part: the vectorizer's part, if it has one.
        dataset: gives the chunks of a stream.
        splits: the texts in memory, for training and validation.
        on_labels: called with the labels of each chunk of a stream, when the vectorizer is fitted on it.
        fit: whether to fit the vectorizer; False for one that is fitted.

    Raises:
        ComponentError: the vectorizer raised, did not return features, or lacks a fact that its `gives` promises.
    """
    who = part_name(part, "the vectorizer")
    if splits.train:
        texts, y, _ = splits.train
        train = shown = fitted_features(vectorizer, texts, who, y) if fit else vectorized(vectorizer, texts, who)
    elif not fit:
        train, shown = None, vectorized(vectorizer, [""], who)
    else:
        with plugin_errors(who, "being fitted chunk by chunk"):
            vectorizer.fit_chunks(dataset.train_chunks(on_labels))
        train, shown = None, vectorized(vectorizer, [""], who)
    valid = vectorized(vectorizer, splits.valid[0], who) if splits.valid else None
    return Vectorized(train, valid, {**given_facts(vectorizer, part), "n_features": shown.n_features}, vectorizer)


def needed_columns(part: Part | None, brought: ColumnKinds) -> dict[str, ColumnKind]:
    """The columns that a classifier needs beside the texts: those that its vectorizer reads.

    A vectorizer that was given as an object may read all that the data bring.

    Args:
        part: the vectorizer's part, if it has one.
        brought: the columns of the data, with their kinds.

    Raises:
        DataError: the data do not bring a column that the vectorizer reads, or one of another kind.
    """
    if part is None:
        return dict(brought)
    if wrong := [message for _, message in column_mistakes(part, brought)]:
        error = DataError(" ".join(wrong))
        error.place = part.written_at
        raise error
    return columns_read(part, brought)


def given_facts(vectorizer: Any, part: Part | None, known: Container[str] = ("n_features",)) -> dict[str, Any]:
    """Read the facts that a fitted vectorizer gives to models from its attributes of the same names.

    Facts in `known` are left out. n_features is one of them: it is read from the features.

    Raises:
        ComponentError: the vectorizer lacks a fact that its `gives` promises.
    """
    who = part_name(part, "the vectorizer")
    gives = part.gives if part else getattr(vectorizer, "gives", ())
    facts = {}
    for name in gives:
        if name not in known:
            with plugin_errors(who, f"giving the fact '{name}', which its 'gives' promises"):
                facts[name] = getattr(vectorizer, name)
    return facts


def fitted_features(vectorizer: Any, texts: Sequence[str], who: str, targets: NDArray[Any] | None = None) -> Features:
    """Fit a vectorizer on texts and transform them, in one pass if it has `fit_transform`.

    Args:
        vectorizer: has `fit`, or `fit_transform`; a parameter `targets` of it gets the targets.
        texts: the training texts.
        who: the vectorizer's name in messages.
        targets: their encoded labels, int64 (n,), or float32 0/1 (n, n_classes); it gets a copy.

    Raises:
        ComponentError: the vectorizer raised, or did not return features.
    """
    own = None if targets is None else targets.copy()
    with plugin_errors(who, "being fitted"):
        if fit_transform := own_method(vectorizer, "fit_transform"):
            found = called_offering(fit_transform, texts, targets=own)
        else:
            called_offering(vectorizer.fit, texts, targets=own)
            found = vectorizer.transform(texts)
        return as_features(found, len(texts), who)


def vectorized(vectorizer: Any, texts: Sequence[str], who: str) -> Features:
    """Transform texts with a fitted vectorizer.

    Raises:
        ComponentError: the vectorizer raised, or did not return features.
    """
    with plugin_errors(who, "turning texts into features"):
        return as_features(vectorizer.transform(list(texts)), len(texts), who)


def feature_names(vectorizer: Any, who: str) -> list[str] | None:
    """The name of each feature, from `get_feature_names_out()` as in scikit-learn; None if the vectorizer lacks it.

    Raises:
        ComponentError: the vectorizer raised.
    """
    names = getattr(vectorizer, "get_feature_names_out", None)
    if names is None:
        return None
    with plugin_errors(who, "naming its features"):
        return [str(name) for name in names()]
