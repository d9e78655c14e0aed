"""Vectorizer `preprocess`."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Annotated, Any, Self

from annotated_types import MinLen

from textforge import Preprocessor, Vectorizer
from textforge_standard.vectorizers.inner import chunk_fit, exported_by, fit, fit_transform, own_method


class Preprocess:
    """Any vectorizer, with steps that change each text before it, in training and in prediction.

    Options:
        steps: preprocessors, applied in this order, as in [html, lowercase].
        vectorizer: the vectorizer that receives the changed texts.
    """

    def __init__(
        self,
        facts: dict[str, Any],
        /,
        *,
        steps: Annotated[list[Preprocessor], MinLen(1)],
        vectorizer: Vectorizer,
    ) -> None:
        self._steps = [part.build(facts) for part in steps]
        self._vectorizer = vectorizer.build(facts)

    @staticmethod
    def gives(*, vectorizer: Any, **_: Any) -> tuple[str, ...]:
        """The facts that the inner vectorizer gives."""
        return tuple(vectorizer.gives)

    def fit(self, texts: Sequence[str], targets: Any = None) -> Self:
        """Fit the vectorizer on the changed texts, and on their targets if it asks for them."""
        fit(self._vectorizer, self._changed(texts), targets)
        return self

    def fit_transform(self, texts: Sequence[str], targets: Any = None) -> Any:
        """Fit the vectorizer on the changed texts and return their features."""
        return fit_transform(self._vectorizer, self._changed(texts), targets)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Fit the vectorizer on chunks of changed texts, which are read once."""
        chunk_fit(self._vectorizer)(map(self._changed, chunks))
        return self

    @property
    def count_chunks(self) -> Callable[[Iterable[Sequence[str]]], dict[str, Any]]:
        """Count a part of the changed texts, for `merge`; missing if the vectorizer cannot be fitted in parts."""
        if (count_chunks := own_method(self._vectorizer, "count_chunks")) is None:
            raise AttributeError("count_chunks")
        return lambda chunks: dict(count_chunks(map(self._changed, chunks)))

    def merge(self, counts: Sequence[dict[str, Any]]) -> Self:
        """Fit the vectorizer from the counts of all parts."""
        self._vectorizer.merge(counts)
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of the changed texts."""
        return self._vectorizer.transform(self._changed(texts))

    @property
    def grow(self) -> Callable[[Sequence[str]], None]:
        """Let the vectorizer grow by the changed texts; missing if it cannot grow."""
        if (grow := own_method(self._vectorizer, "grow")) is None:
            raise AttributeError("grow")
        return lambda texts: grow(self._changed(texts))

    def spans(self, text: str) -> Any:
        """Where the features of the changed text stand in the text itself; None if the vectorizer cannot say."""
        from textforge.data import with_text
        from textforge_standard.vectorizers.alignment import aligned

        if own_method(self._vectorizer, "spans") is None:
            return None
        alignments = []
        for step in self._steps:
            changed, alignment = aligned(text, step)
            text = with_text(text, changed)
            alignments.append(alignment)
        found = self._vectorizer.spans(text)
        if found is None:
            return None
        columns, starts, ends, *shares = found
        for alignment in reversed(alignments):
            starts, ends = alignment.spans(starts, ends)
        return columns, starts, ends, *shares

    def for_onnx(self, export: Callable[[Any, Any], Any]) -> "Preprocess":
        """The same steps before what the `for_onnx` of the vectorizer returns."""
        exported = copy(self)
        exported._vectorizer = exported_by(self._vectorizer, export)
        return exported

    def state(self) -> dict[str, Any]:
        """The state of the vectorizer; the steps have none."""
        return {"vectorizer": self._vectorizer.state()}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the state that `state` returned."""
        self._vectorizer = self._vectorizer.from_state(state["vectorizer"])
        return self

    def __getattr__(self, name: str) -> Any:
        """Facts, warnings and the vocabulary of the inner vectorizer."""
        if name.startswith("_") or name in (
            "grow",
            "count_chunks",
        ):  # not set yet, as in unpickling; above none was found
            raise AttributeError(name)
        return getattr(self._vectorizer, name)

    def _changed(self, texts: Sequence[str]) -> list[str]:
        from textforge.data import changed_by

        changed = list(texts)
        for step in self._steps:
            changed = changed_by(step, changed)
        return changed
