"""Vectorizer `hashing`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le

from textforge_standard.vectorizers.text_options import TextOptions


@dataclass(kw_only=True, eq=False, repr=False)
class Hashing(TextOptions):
    """Counts of n-grams in hashed columns (Weinberger et al. 2009), without a vocabulary.

    It learns nothing, so memory does not grow with the texts, but a column cannot be mapped back to its n-grams. The
    column is the MurmurHash3 of the n-gram's UTF-8: the same on every machine, and in scikit-learn's
    HashingVectorizer.

    Options:
        n_features: number of columns; different n-grams may share one.
        signed: count about half of the n-grams negatively, chosen by the hash, so that collisions tend to cancel out.
        binary: give each column that occurs in a text the weight 1, whatever its count.
        sublinear: use 1 + ln(count) instead of the count.
        norm: scale the weights of each text to unit Euclidean ('l2') or sum ('l1') norm; null does not scale.
    """

    n_features: Annotated[int, Ge(1), Le(2**30)] = 2**18
    signed: bool = True
    binary: bool = False
    sublinear: bool = False
    norm: Literal["l1", "l2"] | None = "l2"

    gives = ("n_features",)

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn nothing."""
        return self

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Learn nothing and read no chunk."""
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row per text, float32 weights."""
        import numpy as np

        from textforge import Ragged
        from textforge_standard.vectorizers.counting import count, scaled, without_signs

        counts = without_signs(count(self._hashed(texts), 2 * self.n_features))
        weights = np.ones(len(counts.indices)) if self.binary else counts.counts.astype(np.float64)
        if self.sublinear:
            weights = np.sign(weights) * (1 + np.log(np.maximum(np.abs(weights), 1)))
        weights = scaled(weights, counts.offsets, self.norm)
        return Ragged(counts.indices, counts.offsets, self.n_features, weights.astype(np.float32))

    def state(self) -> dict[str, Any]:
        """An empty state: the options define this vectorizer completely."""
        return {}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Return this vectorizer unchanged."""
        return self

    def spans(self, text: str) -> Any:
        """Where each n-gram stands in a text: arrays of columns, first characters, characters after the last, signs."""
        import numpy as np

        units, starts, ends = self._cutter().placed(text)
        found = [(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))]
        found += [(columns, starts[at], ends[at + length - 1]) for length, at, columns in self._hashes(units)]
        columns, first, last = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return columns >> 1, first, last, 1.0 - 2.0 * (columns & 1)

    def _hashed(self, texts: Sequence[str]) -> Iterator[Any]:
        """Yield 2 * column of every n-gram, plus 1 if it counts negatively, for each chunk of texts."""
        import numpy as np

        for units in self._cutter().chunks(texts):
            yield [(columns, np.searchsorted(at, units.texts)) for _, at, columns in self._hashes(units)]

    def _hashes(self, units: Any) -> Iterator[tuple[int, Any, Any]]:
        """Yield the n-grams of each length: the length, their first units, and 2 * column, plus 1 if negative."""
        import numpy as np

        from textforge_standard.vectorizers.murmur import murmur3

        if self.unit == "words" and self.ngrams[1] > 1:
            units = units.one_space_apart()
        for length, at in self._places(units):
            hashes = murmur3(units.data, units.starts[at], units.ends[at + length - 1])
            columns = np.abs(hashes).view(np.uint32)
            if self.n_features & (self.n_features - 1):
                columns %= np.uint32(self.n_features)
            else:  # for a power of two: equal, and faster than a division
                columns &= np.uint32(self.n_features - 1)
            columns <<= np.uint32(1)
            if self.signed:
                columns |= hashes.view(np.uint32) >> np.uint32(31)
            yield length, at, columns.view(np.int32)

    def _places(self, units: Any) -> Iterator[tuple[int, Any]]:
        """Yield each n-gram length with the indices of the units at which such n-grams begin."""
        import numpy as np

        shortest, longest = self.ngrams
        room = units.room()
        for length in range(shortest, longest + 1):
            yield length, np.flatnonzero(room >= length)
        if units.pairs is not None and longest == 1:
            yield 2, np.flatnonzero(units.pairs)
        if self.unit == "characters_in_words":  # a word shorter than `shortest` is one n-gram
            begins = units.groups[:-1]
            for length in range(1, shortest):
                yield length, begins[np.diff(units.groups) == length]
