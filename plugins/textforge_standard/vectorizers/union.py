"""Vectorizer `union`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Self

from annotated_types import Gt, MinLen

from textforge import Vectorizer
from textforge_standard.vectorizers.inner import fit_transform


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

    @staticmethod
    def check_options(*, of: Sequence[Any], weights: Sequence[float] | None) -> str | None:
        """A sentence about options that contradict each other, or None."""
        sequences = [part.label for part in of if tuple(part.gives) != ("n_features",)]
        if sequences:
            return f"{sequences[0]} gives word sequences, which cannot stand beside other features. Use a bag of words."
        if weights is not None and len(weights) != len(of):
            return f"weights has {len(weights)} factors for {len(of)} vectorizers; give one for each."
        return None

    def fit(self, texts: Sequence[str]) -> Self:
        """Fit every vectorizer on the texts."""
        for member in self._members:
            member.fit(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Fit on texts and return their features: `textforge.Ragged`, one row per text."""
        return self._joined([fit_transform(member, texts) for member in self._members], texts)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Fit on chunks of texts that are read once; each vectorizer runs in its own thread."""
        from textforge_standard.vectorizers.broadcast import broadcast

        broadcast(chunks, [member.fit_chunks for member in self._members])
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row per text."""
        return self._joined([member.transform(texts) for member in self._members], texts)

    def state(self) -> dict[str, Any]:
        """The states of the vectorizers."""
        return {"of": [member.state() for member in self._members]}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the states that `state` returned."""
        self._members = [member.from_state(one) for member, one in zip(self._members, state["of"], strict=True)]
        return self

    @property
    def warnings(self) -> list[str]:
        """The warnings of all vectorizers."""
        return [warning for member in self._members for warning in getattr(member, "warnings", ())]

    @property
    def get_feature_names_out(self) -> Callable[[], list[str]]:
        """Names such as `0__moon`, for a feature of the first vectorizer; missing unless every vectorizer has names."""
        named = [member.get_feature_names_out for member in self._members]
        return lambda: [f"{number}__{name}" for number, names in enumerate(named) for name in names()]

    def _joined(self, found: Sequence[Any], texts: Sequence[str]) -> Any:
        """Concatenate the columns of all features, one row per text."""
        import numpy as np

        from textforge import Ragged, as_features

        blocks = [as_features(one, len(texts), name) for one, name in zip(found, self._names, strict=True)]
        rows = [_as_ragged(block) for block in blocks]
        offsets = np.sum([block.offsets for block in rows], axis=0)
        indices, weights = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
        ends, first = offsets[:-1].copy(), 0  # the next free place of each row; the first column of the block
        for block, factor in zip(rows, self._weights, strict=True):
            lengths = np.diff(block.offsets)
            places = np.repeat(ends - block.offsets[:-1], lengths) + np.arange(len(block.indices))
            indices[places] = block.indices + first
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
