"""Vectorizer `hashing`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le

from textforge_standard.vectorizers.text_options import TextOptions


@dataclass(kw_only=True, eq=False, repr=False)
class Hashing(TextOptions):
    """Counts of n-grams in columns that a hash of their text gives (Weinberger et al. 2009); there is no vocabulary.

    Nothing is learnt, so memory does not grow with the texts, but what a column stands for cannot be said. The
    columns are scikit-learn's HashingVectorizer's, on every machine: MurmurHash3 of the UTF-8.

    Options:
        n_features: number of columns; different n-grams may share one.
        signed: count half of all n-grams negatively, chosen by the hash, so that those that share a column cancel out.
        binary: weigh each column 1, however often a text has it.
        sublinear: use 1 + ln(count) in place of the count.
        norm: scale each text's weights to unit Euclidean ('l2') or sum ('l1') length; null leaves them.
    """

    n_features: Annotated[int, Ge(1), Le(2**30)] = 2**18
    signed: bool = True
    binary: bool = False
    sublinear: bool = False
    norm: Literal["l1", "l2"] | None = "l2"

    gives = ("n_features",)

    def fit(self, texts: Sequence[str]) -> Self:
        """Nothing to learn."""
        return self

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Nothing to learn: no chunk is read."""
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row a text, float32 weights."""
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
        """Nothing: the options say all."""
        return {}

    def from_state(self, state: dict[str, Any]) -> Self:
        """This vectorizer."""
        return self

    def _hashed(self, texts: Sequence[str]) -> Iterator[Any]:
        """Twice the column, and one more where the n-gram counts negatively, of all n-grams of some texts."""
        import numpy as np

        from textforge_standard.vectorizers.murmur import murmur3

        for units in self._cutter().chunks(texts):
            if self.unit == "words" and self.ngrams[1] > 1:
                units = units.one_space_apart()  # noqa: PLW2901
            streams = []
            for length, at in self._places(units):
                hashes = murmur3(units.data, units.starts[at], units.ends[at + length - 1])
                columns = np.abs(hashes).view(np.uint32)
                if self.n_features & (self.n_features - 1):
                    columns %= np.uint32(self.n_features)
                else:  # the same for a power of two, and quicker than a division
                    columns &= np.uint32(self.n_features - 1)
                columns <<= np.uint32(1)
                if self.signed:
                    columns |= hashes.view(np.uint32) >> np.uint32(31)
                streams.append((columns.view(np.int32), np.searchsorted(at, units.texts)))
            yield streams

    def _places(self, units: Any) -> Iterator[tuple[int, Any]]:
        """Each length of n-grams and the units that they begin with."""
        import numpy as np

        shortest, longest = self.ngrams
        room = units.room()
        for length in range(shortest, longest + 1):
            yield length, np.flatnonzero(room >= length)
        if self.unit == "characters_in_words":  # a shorter word counts as a whole
            begins = units.groups[:-1]
            for length in range(1, shortest):
                yield length, begins[np.diff(units.groups) == length]
