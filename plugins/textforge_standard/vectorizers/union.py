"""Vectorizer `union`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from functools import partial
from operator import add
from typing import Annotated, Any, Self

from annotated_types import Gt, MinLen

from textforge import Vectorizer
from textforge_standard.vectorizers.inner import chunk_fit, exported_by, fit, fit_transform, own_method


class Union:
    """Features of several vectorizers side by side: bags of words or characters, and dense vectors.

    Works as scikit-learn's FeatureUnion. The columns of a dense vector become columns of the joint bag.

    Options:
        of: the vectorizers, at least one.
        weights: one factor per vectorizer, by which its features are multiplied; null means 1 for each.
    """

    def __init__(
        self,
        facts: dict[str, Any],
        /,
        *,
        of: Annotated[list[Vectorizer], MinLen(1)],
        weights: list[Annotated[float, Gt(0)]] | None = None,
    ) -> None:
        self._members = [part.build(facts) for part in of]
        self._names = [part.label for part in of]
        self._weights = weights or [1.0] * len(of)
        self._grown_to([])

    @staticmethod
    def check_options(*, of: Sequence[Any], weights: Sequence[float] | None) -> str | None:
        """A sentence about options that contradict each other, or None."""
        sequences = [part.label for part in of if tuple(part.gives) != ("n_features",)]
        if sequences:
            return f"{sequences[0]} gives word sequences, which cannot stand beside other features. Use a bag of words."
        if weights is not None and len(weights) != len(of):
            return f"weights has {len(weights)} factors for {len(of)} vectorizers; give one for each."
        return None

    def fit(self, texts: Sequence[str], targets: Any = None) -> Self:
        """Fit every vectorizer on the texts, and on their targets if it asks for them."""
        self._grown_to([])
        for member in self._members:
            fit(member, texts, targets)
        return self

    def fit_transform(self, texts: Sequence[str], targets: Any = None) -> Any:
        """Fit on texts and return their features: `textforge.Ragged`, one row per text."""
        self._grown_to([])
        return self._joined([fit_transform(member, texts, targets) for member in self._members], texts)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Fit on chunks of texts that are read once; each vectorizer runs in its own thread."""
        from textforge_standard.vectorizers.broadcast import broadcast

        self._grown_to([])
        broadcast(chunks, [chunk_fit(member) for member in self._members])
        return self

    @property
    def count_chunks(self) -> Callable[[Iterable[Sequence[str]]], dict[str, Any]]:
        """Count a part of the texts with every vectorizer, for `merge`; missing unless all of them can."""
        if not all(own_method(member, "count_chunks") for member in self._members):
            raise AttributeError("count_chunks: a vectorizer cannot be fitted in parts")
        return self._count_chunks

    def _count_chunks(self, chunks: Iterable[Sequence[str]]) -> dict[str, Any]:
        from textforge_standard.vectorizers.broadcast import broadcast

        found: dict[int, Any] = {}

        def counting(number: int, chunks: Iterator[Sequence[str]]) -> None:
            found[number] = self._members[number].count_chunks(chunks)

        broadcast(chunks, [partial(counting, number) for number in range(len(self._members))])
        return {"of": [found[number] for number in range(len(self._members))]}

    def merge(self, counts: Sequence[dict[str, Any]]) -> Self:
        """Fit every vectorizer from the counts of all parts."""
        self._grown_to([])
        for number, member in enumerate(self._members):
            member.merge([one["of"][number] for one in counts])
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row per text."""
        return self._joined([member.transform(texts) for member in self._members], texts)

    @property
    def grow(self) -> Callable[[Sequence[str]], None]:
        """Add the features of more texts after all known ones, which keep their columns.

        Vectorizers that cannot grow stay as they are; missing if none can.
        """
        if not any(own_method(member, "grow") for member in self._members):
            raise AttributeError("grow: none of the vectorizers can grow")
        return self._grow

    def _grow(self, texts: Sequence[str]) -> None:
        before = self._widths or [self._sizes()]
        for member in self._members:
            if own_method(member, "grow"):
                member.grow(texts)
        after = self._sizes()
        self._grown_to(before if after == before[-1] else [*before, after])

    def _grown_to(self, widths: list[list[int]]) -> None:
        """Lay out the columns: those of all vectorizers side by side, and those of each growth after them.

        Args:
            widths: the number of features of each vectorizer, before growing and after each time; [] if never grown.
        """
        import numpy as np

        self._widths = widths
        self._columns: list[Any] = []
        """The columns of the features of each vectorizer; empty if never grown."""
        if widths:
            more = np.diff(widths, axis=0, prepend=0)  # shape (times, vectorizers)
            first = (np.cumsum(more) - more.ravel()).reshape(more.shape)
            for starts, sizes in zip(first.T.tolist(), more.T.tolist(), strict=True):
                blocks = [np.arange(start, start + n) for start, n in zip(starts, sizes, strict=True)]
                self._columns.append(np.concatenate(blocks).astype(np.int32))

    def _sizes(self) -> list[int]:
        """The number of features of each vectorizer."""
        from textforge import as_features

        pairs = zip(self._members, self._names, strict=True)
        return [_as_ragged(as_features(member.transform([""]), 1, name)).n_features for member, name in pairs]

    def spans(self, text: str) -> Any:
        """Where the features of all vectorizers stand in a text; None if one of them cannot say.

        Features of columns stand nowhere in the text.
        """
        import numpy as np

        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
        for member, place in self._placed():
            spans = member.spans(text) if own_method(member, "spans") else None
            if spans is not None:
                features, starts, ends, *shares = spans
                numbers = place(np.asarray(features, dtype=np.int64))
                found.append((numbers, starts, ends, shares[0] if shares else np.ones(len(numbers))))
            elif not hasattr(member, "column_features"):
                return None
        return tuple(np.concatenate(arrays) for arrays in zip(*found, strict=True))

    @property
    def column_features(self) -> Callable[[str], dict[int, str]]:
        """The features of a row that come from columns, with their names; missing if no vectorizer reads columns."""
        if not any(hasattr(member, "column_features") for member in self._members):
            raise AttributeError("column_features: none of the vectorizers reads columns")
        return self._column_features

    def _column_features(self, text: str) -> dict[int, str]:
        import numpy as np

        found: dict[int, str] = {}
        for member, place in self._placed():
            own = member.column_features(text) if hasattr(member, "column_features") else {}
            numbers = place(np.array([*own], dtype=np.int64)).tolist()
            found |= dict(zip(numbers, own.values(), strict=True))
        return found

    def _placed(self) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
        """Each vectorizer with the function from its features, an array, to those of the union."""
        sizes = self._columns or self._sizes()
        before = 0
        for number, member in enumerate(self._members):
            if self._columns:
                yield member, self._columns[number].__getitem__
            else:
                yield member, partial(add, before)
                before += sizes[number]

    def for_onnx(self, export: Callable[[Any, Any], Any]) -> "Union":
        """The same union of what the `for_onnx` of the vectorizers return."""
        exported = copy(self)
        exported._members = [exported_by(member, export) for member in self._members]
        return exported

    def state(self) -> dict[str, Any]:
        """The states of the vectorizers, and how they have grown."""
        state: dict[str, Any] = {"of": [member.state() for member in self._members]}
        return {**state, "grown": self._widths} if self._widths else state

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the states that `state` returned."""
        self._members = [member.from_state(one) for member, one in zip(self._members, state["of"], strict=True)]
        widths = state.get("grown", [])  # bundles of version 0.1 have the numbers of features as `widths`, unused since
        if widths and widths[-1] != self._sizes():
            raise ValueError("grown: the last row does not hold the numbers of features of the vectorizers")
        self._grown_to(widths)
        return self

    @property
    def warnings(self) -> list[str]:
        """The warnings of all vectorizers."""
        return [warning for member in self._members for warning in getattr(member, "warnings", ())]

    @property
    def get_feature_names_out(self) -> Callable[[], list[str]]:
        """Names such as `0__moon`, for a feature of the first vectorizer; missing unless every vectorizer has names."""
        named = [member.get_feature_names_out for member in self._members]

        def names() -> list[str]:
            found = [f"{number}__{name}" for number, each in enumerate(named) for name in each()]
            if not self._columns:
                return found
            places = [place for columns in self._columns for place in columns.tolist()]
            return [name for _, name in sorted(zip(places, found, strict=True))]

        return names

    def _joined(self, found: Sequence[Any], texts: Sequence[str]) -> Any:
        """Concatenate the columns of all features, one row per text."""
        import numpy as np

        from textforge import Ragged, as_features

        blocks = [as_features(one, len(texts), name) for one, name in zip(found, self._names, strict=True)]
        rows = [_as_ragged(block) for block in blocks]
        offsets = np.sum([block.offsets for block in rows], axis=0)
        indices, weights = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
        ends, first = offsets[:-1].copy(), 0  # the next free place of each row; the first column of the block
        for number, (block, factor) in enumerate(zip(rows, self._weights, strict=True)):
            lengths = np.diff(block.offsets)
            places = np.repeat(ends - block.offsets[:-1], lengths) + np.arange(len(block.indices))
            indices[places] = self._columns[number][block.indices] if self._columns else block.indices + first
            weights[places] = factor if block.weights is None else block.weights * np.float32(factor)
            ends += lengths
            first += block.n_features
        return Ragged(indices, offsets, first, weights)


def _as_ragged(features: Any) -> Any:
    """Convert dense features to ragged ones with an entry for every column; return ragged ones unchanged."""
    import numpy as np

    from textforge import Ragged

    if isinstance(features, Ragged):
        return features
    n_rows, n_columns = features.vectors.shape
    indices = np.tile(np.arange(n_columns, dtype=np.int32), n_rows)
    return Ragged(indices, np.arange(n_rows + 1) * n_columns, n_columns, features.vectors.ravel())
