"""Use a vectorizer within another one."""

from collections.abc import Sequence
from typing import Any


def fit_transform(vectorizer: Any, texts: Sequence[str]) -> Any:
    """Fit a vectorizer on texts and return their features, in one pass if it has `fit_transform`."""
    if hasattr(vectorizer, "fit_transform"):
        return vectorizer.fit_transform(texts)
    vectorizer.fit(texts)
    return vectorizer.transform(texts)
