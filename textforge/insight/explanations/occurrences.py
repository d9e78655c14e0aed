"""Where the features of a text stand in it: the optional method `spans` of vectorizers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.own_methods import own_method
from textforge.components.part import plugin_errors
from textforge.errors import ComponentError


@dataclass(frozen=True)
class Occurrences:
    """Every occurrence in a text of the features in its row.

    Args:
        entries: int64, shape (n,): the entry of the row that each occurrence belongs to.
        starts: int64, shape (n,): its first character.
        ends: int64, shape (n,): the character after its last; equal to `starts` for marks between characters.
        shares: float64, shape (n,): its share of the entry; the shares of an entry sum to 1.
        columns: names of the entries that come from columns and stand nowhere in the text.
    """

    entries: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    shares: NDArray[np.float64]
    columns: Mapping[int, str] = field(default_factory=dict)


def occurrences(vectorizer: Any, who: str, text: str, indices: NDArray[Any]) -> Occurrences | None:
    """Ask a vectorizer where the features of a text stand; None if it cannot say for all of them.

    Args:
        vectorizer: a fitted vectorizer.
        who: its name, for messages.
        text: the text.
        indices: int, shape (n,): the features of the text, as its `transform` gives them.

    Raises:
        ComponentError: `spans` raised, or returned something else than the contract says.
    """
    columns = _columns(vectorizer, who, text, indices)
    if (spans := own_method(vectorizer, "spans")) is None:
        none = np.zeros(0, dtype=np.int64)
        alone = columns is not None and len(columns) == len(indices)  # every feature comes from a column
        return Occurrences(none, none, none, np.zeros(0), columns or {}) if alone else None
    with plugin_errors(who, "saying where its features stand in a text"):
        found = spans(text)
    if found is None:
        return None
    in_text = np.array([n for n in range(len(indices)) if n not in (columns or {})], dtype=np.int64)
    placed = _placed(found, who, text, indices[in_text])
    return placed and replace(placed, entries=in_text[placed.entries], columns=columns or {})


def _columns(vectorizer: Any, who: str, text: str, indices: NDArray[Any]) -> dict[int, str] | None:
    """The names of the entries that come from columns; None if the vectorizer reads no columns."""
    if not hasattr(vectorizer, "column_features"):
        return None
    with plugin_errors(who, "naming the features of columns"):
        named = dict(vectorizer.column_features(text))
    return {entry: str(named[number]) for entry, number in enumerate(indices.tolist()) if number in named}


def _placed(found: Any, who: str, text: str, indices: NDArray[Any]) -> Occurrences | None:
    """Assign what `spans` returned to the entries of a row; None if it does not place all of them."""
    features, starts, ends, weights = _checked(found, len(text), who)
    if np.array_equal(features, indices):  # a sequence, or a bag in which everything occurs once
        return Occurrences(np.arange(len(indices)), starts, ends, np.ones(len(indices)))
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    if len(ordered) and (ordered[1:] == ordered[:-1]).any():
        return None  # a sequence of other features
    at = np.searchsorted(ordered, features).clip(max=max(0, len(ordered) - 1))
    known = ordered[at] == features if len(ordered) else np.zeros(len(features), dtype=bool)
    entries, starts, ends, weights = (
        order[at[known]] if len(ordered) else at[:0],
        starts[known],
        ends[known],
        weights[known],
    )
    counts = np.bincount(entries, minlength=len(indices))
    if (counts == 0).any():
        return None
    total = np.bincount(entries, weights, len(indices))
    even = np.abs(total) < 1e-9  # occurrences with opposite signs cancel out
    shares = np.where(even[entries], 1 / counts[entries], weights / np.where(even, 1, total)[entries])
    return Occurrences(entries, starts, ends, shares)


def _checked(found: Any, length: int, who: str) -> tuple[NDArray[Any], ...]:
    """The arrays of `spans`, with weights of 1 if there are none.

    Raises:
        ComponentError: they are not three or four arrays of one length, or a span is not within the text.
    """
    wanted = "expected features, starts, ends and perhaps weights, arrays of one length, with spans within the text."
    try:
        features, starts, ends, *more = (np.asarray(array) for array in found)
        weights = more[0].astype(np.float64) if more else np.ones(len(features))
        features, starts, ends = (array.astype(np.int64) for array in (features, starts, ends))
        alike = features.ndim == 1 and len({array.shape for array in (features, starts, ends, weights)}) == 1
        inside = alike and bool(((starts >= 0) & (starts <= ends) & (ends <= length)).all())
    except (TypeError, ValueError) as error:
        raise ComponentError(f"{who}: spans returned a {type(found).__name__}; {wanted}") from error
    if not inside or not np.isfinite(weights).all():
        raise ComponentError(f"{who}: spans returned arrays that do not fit the text; {wanted}")
    return features, starts, ends, weights
