"""Use a vectorizer within another one."""

from collections.abc import Sequence
from typing import Any

from textforge import RecipeError


def own_method(vectorizer: Any, name: str) -> Any:
    """An optional method of a vectorizer, or None; see `textforge.data.own_method`."""
    from textforge import data  # imports numpy

    return data.own_method(vectorizer, name)


def chunk_fit(vectorizer: Any) -> Any:
    """The method `fit_chunks` of a vectorizer.

    Raises:
        RecipeError: it has none of its own.
    """
    if (found := own_method(vectorizer, "fit_chunks")) is None:
        raise RecipeError(
            f"the vectorizer {type(vectorizer).__name__} learns from all texts at once (it has no fit_chunks), but the "
            "training texts are a stream. Use a vectorizer that has fit_chunks, or give the texts in memory."
        )
    return found


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


def exported_by(vectorizer: Any, export: Any) -> Any:
    """What `for_onnx` of a vectorizer returns, or the vectorizer itself if it computes without torch."""
    for_onnx = own_method(vectorizer, "for_onnx")
    return for_onnx(export) if for_onnx else vectorizer
