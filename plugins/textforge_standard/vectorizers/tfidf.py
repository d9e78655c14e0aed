"""Vectorizer `tfidf`."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from textforge import Tune
from textforge_standard.vectorizers.bow import BagOfWords


@dataclass(kw_only=True, eq=False, repr=False)
class Tfidf(BagOfWords):
    """Counts times inverse document frequency, weighted as in scikit-learn's TfidfVectorizer.

    idf(word) = ln((1 + texts) / (1 + texts with the word)) + 1 (Spärck Jones 1972, smoothed).

    Options:
        sublinear: use 1 + ln(count) instead of the count.
        norm: scale the weights of each text to unit Euclidean ('l2') or sum ('l1') norm; null does not scale.
    """

    sublinear: Annotated[bool, Tune(choices=(False, True))] = False
    norm: Literal["l1", "l2"] | None = "l2"

    def _learn(self, frequencies: Any) -> None:
        import numpy as np

        self.idf = np.log((1 + frequencies.n_texts) / (1 + frequencies.texts_with)) + 1

    def _learn_more(self, more: Any, new: list[int]) -> None:
        import numpy as np

        self.idf = np.concatenate([self.idf, more.idf[new]])

    def _features(self, counts: Any) -> Any:
        import numpy as np

        from textforge import Ragged
        from textforge_standard.vectorizers.counting import scaled

        weights = np.ones(len(counts.indices)) if self.binary else counts.counts.astype(np.float64)
        if self.sublinear:
            weights = 1 + np.log(weights)
        weights *= self.idf[counts.indices]
        weights = scaled(weights, counts.offsets, self.norm)
        return Ragged(counts.indices, counts.offsets, self.n_features, weights.astype(np.float32))

    def state(self) -> dict[str, Any]:
        """The vocabulary and the idf of each word."""
        return {**super().state(), "idf": self.idf}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the vocabulary and the idf that `state` returned.

        Raises:
            ValueError: the idf is not one finite number per word.
        """
        import numpy as np

        super().from_state(state)
        self.idf = state["idf"]
        if self.idf.shape != (self.n_features,) or not np.isfinite(self.idf).all():
            raise ValueError(f"idf is not {self.n_features} finite numbers, one for each word")
        return self
