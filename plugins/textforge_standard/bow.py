"""Vectorizer `bow`."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Le


class BagOfWords:
    """Counts of the words of a text; the vocabulary comes from the training texts.

    Options:
        split: 'words' takes runs of two or more letters, digits or underscores, as scikit-learn does;
            'spaces' cuts at each single space, as str.split(' ') does, and keeps all else.
        lowercase: turn text to lower case first.
        min_df: drop words that occur in fewer training texts than this.
        max_df: drop words that occur in a larger fraction of the training texts than this.
        max_features: keep only this many words, the most frequent ones; null keeps all.
        binary: count a word once, however often a text has it.
    """

    gives = ("n_features",)

    def __init__(
        self,
        *,
        split: Literal["words", "spaces"] = "words",
        lowercase: bool = True,
        min_df: Annotated[int, Ge(1)] = 1,
        max_df: Annotated[float, Gt(0), Le(1)] = 1.0,
        max_features: Annotated[int, Ge(1)] | None = None,
        binary: bool = False,
    ) -> None:
        self.split, self.lowercase, self.binary = split, lowercase, binary
        self.min_df, self.max_df, self.max_features = min_df, max_df, max_features

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the vocabulary, sorted.

        Raises:
            DataError: no word is left; says why.
        """
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Learn from texts and give their features, cutting them into words once.

        Raises:
            DataError: no word is left; says why.
        """
        from textforge import DataError
        from textforge_standard import words

        found, rows = words.cut(texts, self.split, self.lowercase)
        self._use(words.learn(found))
        if not self.vocabulary:
            raise DataError(
                f"the vocabulary is empty: none of the {len(texts)} training texts has a word "
                f"(split: {self.split}). Look at the text column, or try split: spaces."
            )
        counts = self._pruned(words.count(found, rows, len(texts), self._words))
        self._learn(counts)
        return self._features(counts)

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row a text, float32 weights."""
        from textforge_standard import words

        found, rows = words.cut(texts, self.split, self.lowercase)
        return self._features(words.count(found, rows, len(texts), self._words))

    @property
    def n_features(self) -> int:
        """The size of the vocabulary."""
        return len(self.vocabulary)

    def state(self) -> dict[str, Any]:
        """The vocabulary, packed into arrays."""
        from textforge_standard import words

        return dict(words.pack(self.vocabulary))

    def from_state(self, state: dict[str, Any]) -> Self:
        """This vectorizer with the vocabulary that `state` gave."""
        from textforge_standard import words

        self._use(words.unpack(state))
        return self

    def _use(self, vocabulary: list[str]) -> None:
        import polars as pl

        self.vocabulary = vocabulary
        self._words = pl.Enum(vocabulary)

    def _learn(self, counts: Any) -> None:
        """What else there is to learn from the training texts' counts."""

    def _features(self, counts: Any) -> Any:
        import numpy as np

        from textforge import Ragged

        weights = None if self.binary else counts.counts.astype(np.float32)
        return Ragged(counts.indices, counts.offsets, self.n_features, weights)

    def _pruned(self, counts: Any) -> Any:
        """Leave out words by the number of texts that have them, then all but the most frequent."""
        import numpy as np

        from textforge import DataError

        if self.min_df == 1 and self.max_df == 1.0 and self.max_features is None:
            return counts
        texts_with = np.bincount(counts.indices, minlength=self.n_features)
        keep = (texts_with >= self.min_df) & (texts_with <= self.max_df * len(counts))
        if not keep.any():
            raise DataError(
                f"the vocabulary is empty: of {self.n_features} words none is in at least {self.min_df} and "
                f"at most {self.max_df:.0%} of {len(counts)} training texts. Loosen vectorizer.min_df or max_df."
            )
        if self.max_features is not None and keep.sum() > self.max_features:
            weights = None if self.binary else counts.counts
            total = np.bincount(counts.indices, weights=weights, minlength=self.n_features)
            order = np.argsort(-np.where(keep, total, -1), kind="stable")  # ties: first in the alphabet
            keep = np.zeros_like(keep)
            keep[order[: self.max_features]] = True
        self._use([self.vocabulary[number] for number in np.flatnonzero(keep)])
        return counts.only(keep)
