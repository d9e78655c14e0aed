"""Vectorizer `tokens`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge

PADDING, UNKNOWN, SPECIAL = 0, 1, 2
"""Two ids that are no word's, and their number: the vocabulary begins after them."""


class Tokens:
    """Words as numbers in the order of the text: what fasttext, textcnn, rnn and transformer read.

    Id 0 is padding and never occurs in a text; id 1 stands for any word that the vocabulary lacks.

    Options:
        split: 'words' takes runs of two or more letters, digits or underscores; 'words_and_punctuation' takes
            words of any length and each other character by itself; 'spaces' cuts at each single space.
        lowercase: turn text to lower case first.
        min_df: words that occur in fewer training texts than this are unknown.
        max_features: keep only this many words, the most frequent ones; null keeps all.
        max_length: words that are read of a text; null reads all. What is cut off is told.
        keep: which part of a longer text is read: its first words ('head'), its last ('tail'), or half of each
            ('both', Sun et al. 2019).
        vectors: file of pretrained word vectors, as word2vec (text), GloVe and fastText write them, .gz too; read
            while training only, a bundle does not need it.
    """

    gives = ("vocab_size", "vectors")

    def __init__(
        self,
        *,
        split: Literal["words", "spaces", "words_and_punctuation"] = "words",
        lowercase: bool = True,
        min_df: Annotated[int, Ge(1)] = 1,
        max_features: Annotated[int, Ge(1)] | None = None,
        max_length: Annotated[int, Ge(1)] | None = 512,
        keep: Literal["head", "tail", "both"] = "head",
        vectors: Path | None = None,
    ) -> None:
        self.split, self.lowercase, self.min_df, self.max_features = split, lowercase, min_df, max_features
        self.max_length, self.keep, self._file = max_length, keep, vectors
        self.vectors: Any = None
        """float32 array (vocab_size, dim) once fitted with a file, NaN rows where it lacks a word; never saved."""
        self.warnings: list[str] = []
        """What the user should know of the fit."""

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the vocabulary, sorted, from the parts of the texts that are read.

        Raises:
            DataError: no word is left, or the file of vectors cannot be used; says why.
        """
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Learn from texts and give their sequences, cutting them into words once.

        Raises:
            DataError: no word is left, or the file of vectors cannot be used; says why.
        """
        from textforge_standard.vectorizers.shortening import Cut

        cut = Cut(self.max_length, "words")
        found, lengths = self._cut(texts, cut)
        self._use(self._learn(found, lengths))
        self._fitted(cut)
        return self._sequences(found, lengths)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """As `fit` on all texts of the chunks, which are read once: memory grows with the vocabulary alone.

        Raises:
            DataError: no word is left, or the file of vectors cannot be used; says why.
        """
        from textforge_standard.vectorizers import words
        from textforge_standard.vectorizers.shortening import Cut

        cut, tally, n_texts = Cut(self.max_length, "words"), words.Tally(), 0
        for texts in chunks:
            found, lengths = self._cut(texts, cut)
            tally.add(found, lengths)
            n_texts += len(texts)
        vocabulary, texts_with, total = tally.done()
        self._refuse_empty(vocabulary, n_texts)
        self._use(self._kept(vocabulary, texts_with, total, n_texts))
        self._fitted(cut)
        return self

    def _fitted(self, cut: Any) -> None:
        """What follows from the vocabulary and is to be told of the texts."""
        self.warnings = cut.told()
        if self._file is not None:
            from textforge_standard.vectorizers.word_vectors import read_vectors

            self.vectors = read_vectors(self._file, self.vocabulary, first=SPECIAL, warnings=self.warnings)

    def transform(self, texts: Sequence[str]) -> Any:
        """Sequences of texts: `textforge.Ragged`, ids in the order of the text, no weights."""
        return self._sequences(*self._cut(texts))

    @property
    def vocab_size(self) -> int:
        """The number of ids: the words, padding and unknown."""
        return len(self.vocabulary) + SPECIAL

    def state(self) -> dict[str, Any]:
        """The vocabulary, packed into arrays."""
        from textforge_standard.vectorizers.packing import pack

        return dict(pack(self.vocabulary))

    def from_state(self, state: dict[str, Any]) -> Self:
        """This vectorizer with the vocabulary that `state` gave; it has no vectors."""
        from textforge_standard.vectorizers.packing import unpack

        self._use(unpack(state))
        self.vectors = None
        return self

    def _use(self, vocabulary: list[str]) -> None:
        import polars as pl

        self.vocabulary = vocabulary
        self._words = pl.Enum(vocabulary)

    def _cut(self, texts: Sequence[str], cut: Any = None) -> tuple[Any, Any]:
        """The words that are read of all texts, and how many of each; `cut` counts those that are longer."""
        import numpy as np

        from textforge_standard.vectorizers import words

        found, rows = words.cut(texts, self.split, self.lowercase)
        lengths = np.bincount(rows, minlength=len(texts))
        most = self.max_length
        if cut is not None:
            cut.add(lengths.tolist())
        if most is None or len(texts) == 0 or lengths.max() <= most:
            return found, lengths
        place = np.arange(len(rows)) - (np.cumsum(lengths) - lengths)[rows]
        head = {"head": most, "tail": 0, "both": most - most // 2}[self.keep]
        read = (place < head) | (place >= (lengths - (most - head))[rows]) | (lengths <= most)[rows]
        return found.filter(read), np.minimum(lengths, most)

    def _learn(self, found: Any, lengths: Any) -> list[str]:
        """The vocabulary: all words, or the frequent ones, sorted."""
        import numpy as np
        import polars as pl

        from textforge_standard.vectorizers import words

        vocabulary = words.learn(found)
        self._refuse_empty(vocabulary, len(lengths))
        if self.min_df == 1 and self.max_features is None:
            return vocabulary
        counts = words.count(found, np.repeat(np.arange(len(lengths)), lengths), len(lengths), pl.Enum(vocabulary))
        frequencies = counts.frequencies(len(vocabulary), totals=self.max_features is not None)
        return self._kept(vocabulary, frequencies.texts_with, frequencies.total, len(lengths))

    def _refuse_empty(self, vocabulary: list[str], n_texts: int) -> None:
        from textforge import DataError

        if not vocabulary:
            raise DataError(
                f"the vocabulary is empty: none of the {n_texts} training texts has a word "
                f"(split: {self.split}). Look at the text column, or try split: spaces."
            )

    def _kept(self, vocabulary: list[str], texts_with: Any, total: Any, n_texts: int) -> list[str]:
        """The words that enough texts have, then the most frequent of them."""
        import numpy as np

        from textforge import DataError

        keep = texts_with >= self.min_df
        if not keep.any():
            raise DataError(
                f"the vocabulary is empty: of {len(vocabulary)} words none is in at least {self.min_df} of "
                f"{n_texts} training texts. Loosen vectorizer.min_df."
            )
        if self.max_features is not None:
            order = np.argsort(-np.where(keep, total, -1), kind="stable")  # ties: first in the alphabet
            keep[order[self.max_features :]] = False
        return [vocabulary[number] for number in np.flatnonzero(keep)]

    def _sequences(self, found: Any, lengths: Any) -> Any:
        import numpy as np

        from textforge import Ragged

        numbers = found.cast(self._words, strict=False).to_physical().cast(int) + SPECIAL
        ids = numbers.fill_null(UNKNOWN).to_numpy().astype(np.int32)
        return Ragged(ids, np.concatenate(([0], np.cumsum(lengths))), self.vocab_size)
