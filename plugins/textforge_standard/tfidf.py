"""Vectorizer `tfidf`."""

from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Le

from textforge_standard.bow import BagOfWords


class Tfidf(BagOfWords):
    """Word counts times inverse document frequency, as scikit-learn's TfidfVectorizer weighs them.

    idf(word) = ln((1 + texts) / (1 + texts with the word)) + 1 (Spärck Jones 1972, smoothed).

    Options:
        split: 'words' takes runs of two or more letters, digits or underscores, as scikit-learn does;
            'spaces' cuts at each single space, as str.split(' ') does, and keeps all else.
        lowercase: turn text to lower case first.
        min_df: drop words that occur in fewer training texts than this.
        max_df: drop words that occur in a larger fraction of the training texts than this.
        max_features: keep only this many words, the most frequent ones; null keeps all.
        binary: count a word once, however often a text has it.
        sublinear: use 1 + ln(count) in place of the count.
        norm: scale each text's weights to unit Euclidean ('l2') or sum ('l1') length; null leaves them.
    """

    def __init__(
        self,
        *,
        split: Literal["words", "spaces"] = "words",
        lowercase: bool = True,
        min_df: Annotated[int, Ge(1)] = 1,
        max_df: Annotated[float, Gt(0), Le(1)] = 1.0,
        max_features: Annotated[int, Ge(1)] | None = None,
        binary: bool = False,
        sublinear: bool = False,
        norm: Literal["l1", "l2"] | None = "l2",
    ) -> None:
        super().__init__(
            split=split, lowercase=lowercase, min_df=min_df, max_df=max_df, max_features=max_features, binary=binary
        )
        self.sublinear, self.norm = sublinear, norm

    def _learn(self, counts: Any) -> None:
        import numpy as np

        texts_with = np.bincount(counts.indices, minlength=self.n_features)
        self.idf = np.log((1 + len(counts)) / (1 + texts_with)) + 1

    def _features(self, counts: Any) -> Any:
        import numpy as np

        from textforge import Ragged

        weights = np.ones(len(counts.indices)) if self.binary else counts.counts.astype(np.float64)
        if self.sublinear:
            weights = 1 + np.log(weights)
        weights *= self.idf[counts.indices]
        if self.norm is not None:
            rows = np.repeat(np.arange(len(counts)), np.diff(counts.offsets))
            sums = np.bincount(rows, weights=weights**2 if self.norm == "l2" else weights, minlength=len(counts))
            weights /= (np.sqrt(sums) if self.norm == "l2" else sums)[rows]
        return Ragged(counts.indices, counts.offsets, self.n_features, weights.astype(np.float32))

    def state(self) -> dict[str, Any]:
        """The vocabulary and the idf of each word."""
        return {**super().state(), "idf": self.idf}

    def from_state(self, state: dict[str, Any]) -> Self:
        """This vectorizer as `state` gave it."""
        self.idf = state["idf"]
        return super().from_state(state)
