"""Steps of the contract checks for vectorizers: fit one, transform texts, keep its state."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from textforge.classifiers.bundles.state import join_state, split_state
from textforge.classifiers.vectorizing import fitted_features, given_facts, vectorized
from textforge.features.ragged import Features, Ragged
from textforge.testing import probes
from textforge.testing.checks import ContractError, as_contract_error
from textforge.testing.columns import with_columns
from textforge.testing.digests import differing, digests
from textforge.testing.subject import Subject


def labelled(subject: Subject) -> list[str]:
    """Texts to fit on, with columns if the vectorizer reads some."""
    return with_columns(subject.part, subject.texts[0])


def others(subject: Subject) -> list[str]:
    """Texts that were not in the fit, with known and unknown words."""
    texts = probes.labelled(9, 5, seed=1)[0] if subject.given_texts is None else subject.texts[0][:9]
    return with_columns(subject.part, [*texts, "nothing of this was seen", f"{texts[0]} {texts[1]} {texts[2]}"])


def fitted(subject: Subject) -> tuple[Any, Features]:
    """Build and fit a vectorizer; return it with the features of the texts it was fitted on."""
    vectorizer = subject.build(seed=0)
    return vectorizer, fitted_features(vectorizer, labelled(subject), subject.label, targets_of(subject))


def targets_of(subject: Subject) -> Any:
    """The encoded labels of the texts that a vectorizer is fitted on."""
    return probes.numbers(subject.texts[1])


def vectors(subject: Subject, vectorizer: Any, texts: Sequence[str]) -> Features:
    return vectorized(vectorizer, texts, subject.label)


def facts_of(subject: Subject, vectorizer: Any) -> dict[str, Any]:
    return given_facts(vectorizer, subject.part)


def fitted_and_transformed(subject: Subject, texts: Sequence[str], where: str, advice: str) -> None:
    vectorizer = subject.build(seed=0)
    with as_contract_error(subject.label, where, advice), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # another rule reports them
        known, targets = labelled(subject), targets_of(subject)
        targets = np.resize(targets, len(known) + len(texts))
        features = fitted_features(vectorizer, [*known, *texts], subject.label, targets)
        found = vectors(subject, vectorizer, texts)
        well_shaped(subject, found, features, advice)
        for text in texts:
            well_shaped(subject, vectors(subject, vectorizer, [text]), features, advice)


def well_shaped(subject: Subject, found: Features, fitted: Features, advice: str) -> None:
    """Check the type and number of features; `vectorized` has already refused missing rows and non-finite values."""
    if found.n_features != fitted.n_features or type(found) is not type(fitted):
        raise subject.breaks(
            f"it gives {type(found).__name__} features, {found.n_features} of them, where the fit gave "
            f"{type(fitted).__name__}, {fitted.n_features}.",
            advice,
        )


def same(one: Features, other: Features) -> bool:
    """Compare ragged features exactly, and dense ones approximately: matrix products round differently per batch."""
    if isinstance(one, Ragged):
        return not differing(digests({"": one}), digests({"": other}))
    return type(one) is type(other) and np.allclose(one.vectors, other.vectors, rtol=1e-4, atol=1e-5)


def kept(subject: Subject, vectorizer: Any) -> dict[str, Any]:
    """The state after a round trip through the format of a bundle.

    Raises:
        ContractError: a bundle cannot store it.
    """
    advice = "Return a dict of text to JSON values (text, numbers, lists, dicts, None) and numpy arrays of numbers."
    try:
        return stored(vectorizer.state())
    except (TypeError, ValueError) as error:
        raise ContractError(f"{subject.label}: state() cannot be kept in a bundle: {error}. {advice}") from error


def stored(state: Any) -> dict[str, Any]:
    """A state as it comes back from JSON and arrays."""
    arrays, values = split_state(state)
    return join_state(json.loads(json.dumps(values)), {name: np.array(value) for name, value in arrays.items()})
