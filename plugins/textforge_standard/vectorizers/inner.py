"""Use a vectorizer within another one."""

from collections.abc import Sequence
from typing import Any


def own_method(vectorizer: Any, name: str) -> Any:
    """An optional method of a vectorizer, or None; see `textforge.data.own_method`."""
    from textforge import data  # imports numpy

    return data.own_method(vectorizer, name)


def fit(vectorizer: Any, texts: Sequence[str], targets: Any) -> None:
    """Fit a vectorizer on texts, and on their encoded labels if it asks for them."""
    from textforge.data import called_offering

    called_offering(vectorizer.fit, texts, targets=targets)


def fit_transform(vectorizer: Any, texts: Sequence[str], targets: Any = None) -> Any:
    """Fit a vectorizer as `fit` does and return the features of the texts, in one pass if it has `fit_transform`."""
    from textforge.data import called_offering

    if own := own_method(vectorizer, "fit_transform"):
        return called_offering(own, texts, targets=targets)
    fit(vectorizer, texts, targets)
    return vectorizer.transform(texts)
