"""Vectorizer `tokens`."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge

from textforge_standard.vectorizers.shortening import Keep, head_length
from textforge_standard.vectorizers.special_ids import N_SPECIAL, UNKNOWN


class Tokens:
    """Word ids in text order: the input of fasttext, textcnn, rnn and transformer.

    Id 0 is padding and never occurs in a text; id 1 stands for any word outside the vocabulary.

    Options:
        split: 'words' takes runs of two or more letters, digits or underscores; 'words_and_punctuation' takes
            words of any length and every other character by itself; 'spaces' splits at each single space;
            'any_script' takes words of any length with their combining marks, emoji and other symbols, and single
            characters in scripts written without spaces such as Chinese and Thai.
        punctuation: with split any_script, each punctuation character is a word as well.
        unicode: normalize texts to this Unicode form, remove invisible characters such as soft hyphens, and fold case
            rather than convert to lower case, so that STRASSE equals straße. NFC makes equivalent characters equal,
            NFKC full-width and other compatibility forms too; null does nothing, and means NFC for split any_script.
        lowercase: convert texts to lower case first.
        min_df: treat words that occur in fewer training texts than this as unknown.
        max_features: keep only this many of the most frequent words; null keeps all.
        max_length: number of words to read from each text; null reads all. A warning reports how much is cut off.
        keep: part of a longer text to read: its first words ('head'), its last ('tail'), or half of each ('both',
            Sun et al. 2019).
        vectors: file of pretrained word vectors in the text format of word2vec, GloVe or fastText, optionally
            gzipped; read during training only, a bundle does not need it.
    """

    gives = ("vocab_size", "vectors")

    def __init__(
        self,
        *,
        split: Literal["words", "spaces", "words_and_punctuation", "any_script"] = "words",
        punctuation: bool = False,
        unicode: Literal["NFC", "NFKC"] | None = None,
        lowercase: bool = True,
        min_df: Annotated[int, Ge(1)] = 1,
        max_features: Annotated[int, Ge(1)] | None = None,
        max_length: Annotated[int, Ge(1)] | None = 512,
        keep: Keep = "head",
        vectors: Path | None = None,
    ) -> None:
        self.split, self.punctuation, self.unicode, self.lowercase = split, punctuation, unicode, lowercase
        self.min_df, self.max_features = min_df, max_features
        self.max_length, self.keep, self._file = max_length, keep, vectors
        self.vectors: Any = None
        """float32 array (vocab_size, dim) after a fit with a file; rows of missing words are NaN. Never saved."""
        self.warnings: list[str] = []
        """Warnings about the last fit."""

    @staticmethod
    def check_options(*, split: str, punctuation: bool, **_: Any) -> str | None:
        """A sentence about options that contradict each other, or None."""
        if punctuation and split != "any_script":
            return "punctuation is for split any_script. Set split: any_script, or leave punctuation out."
        return None

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the sorted vocabulary from the parts of the texts that `max_length` and `keep` leave.

        Raises:
            DataError: the vocabulary is empty, or the vector file cannot be used.
        """
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Fit on texts and return their sequences, splitting each text once.

        Raises:
            DataError: the vocabulary is empty, or the vector file cannot be used.
        """
        from textforge_standard.vectorizers.shortening import Cut

        cut = Cut(self.max_length, "words")
        found, lengths = self._cut(texts, cut)
        self._use(self._learn(found, lengths))
        self._fitted(cut)
        return self._sequences(found, lengths)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Do as `fit`, on chunks that are read once; memory grows only with the vocabulary.

        Raises:
            DataError: the vocabulary is empty, or the vector file cannot be used.
        """
        vocabulary, frequencies, cut = self._frequencies(chunks)
        self._choose(vocabulary, frequencies)
        self._fitted(cut)
        return self

    def count_chunks(self, chunks: Iterable[Sequence[str]]) -> dict[str, Any]:
        """Count the words of a part of the training texts, for `merge`."""
        from textforge_standard.vectorizers.merging import packed_counts

        vocabulary, frequencies, cut = self._frequencies(chunks)
        return {**packed_counts(vocabulary, frequencies), "cut": cut.counts()}

    def merge(self, counts: Sequence[dict[str, Any]]) -> Self:
        """Learn from the counts of all parts what `fit` learns from all texts.

        Raises:
            DataError: the vocabulary is empty, or the vector file cannot be used.
        """
        from textforge_standard.vectorizers.merging import merged_counts
        from textforge_standard.vectorizers.shortening import Cut

        self._choose(*merged_counts(counts))
        cut = Cut(self.max_length, "words")
        for one in counts:
            cut.add_counts(one["cut"])
        self._fitted(cut)
        return self

    def grow(self, texts: Sequence[str]) -> None:
        """Add the words of more texts to the vocabulary; known words keep their ids, new words come after them.

        `min_df` and `max_features` choose among the words of these texts, and may leave none.

        Raises:
            DataError: the vector file cannot be used.
        """
        from textforge import DataError
        from textforge_standard.vectorizers.shortening import Cut

        cut = Cut(self.max_length, "words")
        known = {*self.vocabulary}
        found = self._cut(texts, cut)
        more: list[str] = []
        with suppress(DataError):  # no word is left to add
            more = self._learn(*found)
        self._use([*self.vocabulary, *(word for word in more if word not in known)])
        self._fitted(cut)

    def _frequencies(self, chunks: Iterable[Sequence[str]]) -> tuple[list[str], Any, Any]:
        """The sorted words of all chunks, their frequencies, and the count of texts that are cut."""
        from textforge_standard.vectorizers import words
        from textforge_standard.vectorizers.counting import Frequencies
        from textforge_standard.vectorizers.shortening import Cut

        cut, tally, n_texts = Cut(self.max_length, "words"), words.Tally(), 0
        for texts in chunks:
            found, lengths = self._cut(texts, cut)
            tally.add(found, lengths)
            n_texts += len(texts)
        vocabulary, texts_with, total = tally.done()
        return vocabulary, Frequencies(n_texts, texts_with, total), cut

    def _choose(self, vocabulary: list[str], frequencies: Any) -> None:
        """Use the words that are frequent enough."""
        self._refuse_empty(vocabulary, frequencies.n_texts)
        self._use(self._kept(vocabulary, frequencies.texts_with, frequencies.total, frequencies.n_texts))

    def _fitted(self, cut: Any) -> None:
        """Read the word vectors of the vocabulary and collect the warnings."""
        self.warnings = cut.warnings()
        if self._file is not None:
            from textforge_standard.vectorizers.word_vectors import read_vectors

            self.vectors = read_vectors(self._file, self.vocabulary, first=N_SPECIAL, warnings=self.warnings)

    def transform(self, texts: Sequence[str]) -> Any:
        """Sequences of texts: `textforge.Ragged`, one row per text, ids in text order, no weights."""
        return self._sequences(*self._cut(texts))

    def spans(self, text: str) -> Any:
        """Where each word that is read stands in a text: arrays of ids, first characters, characters after the last."""
        import numpy as np

        from textforge_standard.vectorizers import words

        how = words.Splitting(self.split, self.punctuation, self.unicode, self.lowercase)
        found, starts, ends = words.placed(text, how)
        read = self._read(np.arange(len(found)), np.full(len(found), len(found)))
        found = found.filter(read)
        return self._sequences(found, np.array([len(found)])).indices, starts[read], ends[read]

    @property
    def vocab_size(self) -> int:
        """The number of ids: the words, padding and unknown."""
        return len(self.vocabulary) + N_SPECIAL

    def get_feature_names_out(self) -> list[str]:
        """The word of each id; the reserved ids have names in brackets."""
        from textforge_standard.vectorizers.special_ids import SPECIAL_NAMES

        return [*SPECIAL_NAMES, *self.vocabulary]

    def state(self) -> dict[str, Any]:
        """The vocabulary, packed into arrays."""
        from textforge_standard.vectorizers.packing import pack

        return dict(pack(self.vocabulary))

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the vocabulary that `state` returned; the vectors are not restored."""
        from textforge_standard.vectorizers.packing import unpack

        self._use(unpack(state))
        self.vectors = None
        return self

    def _use(self, vocabulary: list[str]) -> None:
        self.vocabulary = vocabulary
        self._lookups: dict[str, Any] = {}
        """The vocabulary to look words up in, with polars and without."""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_lookups": {}}

    def _cut(self, texts: Sequence[str], cut: Any = None) -> tuple[Any, Any]:
        """The words to read from all texts, and their number per text; `cut` counts the longer texts."""
        import numpy as np

        from textforge_standard.vectorizers.splitting import Splitting

        how = Splitting(self.split, self.punctuation, self.unicode, self.lowercase)
        found, rows = _words().cut(texts, how)
        lengths = np.bincount(rows, minlength=len(texts))
        most = self.max_length
        if cut is not None:
            cut.add(lengths.tolist())
        if most is None or len(texts) == 0 or lengths.max() <= most:
            return found, lengths
        place = np.arange(len(rows)) - (np.cumsum(lengths) - lengths)[rows]
        return _words().only(found, self._read(place, lengths[rows])), np.minimum(lengths, most)

    def _read(self, place: Any, lengths: Any) -> Any:
        """Mask of the words to read, by their place in a text and the number of its words."""
        most = self.max_length
        if most is None:
            return place >= 0
        head = head_length(most, self.keep)
        return (place < head) | (place >= lengths - (most - head)) | (lengths <= most)

    def _learn(self, found: Any, lengths: Any) -> list[str]:
        """The sorted vocabulary: all words, or the frequent ones."""
        import numpy as np

        from textforge_standard.vectorizers.counting import count_words

        words = _words()
        vocabulary: list[str] = words.learn(found)
        self._refuse_empty(vocabulary, len(lengths))
        if self.min_df == 1 and self.max_features is None:
            return vocabulary
        numbers, rows = words.numbers(found, words.lookup(vocabulary)), np.repeat(np.arange(len(lengths)), lengths)
        counts = count_words(numbers, rows, len(lengths), len(vocabulary))
        frequencies = counts.frequencies(len(vocabulary), totals=self.max_features is not None)
        return self._kept(vocabulary, frequencies.texts_with, frequencies.total, len(lengths))

    def _refuse_empty(self, vocabulary: list[str], n_texts: int) -> None:
        from textforge import DataError

        if not vocabulary:
            raise DataError(
                f"the vocabulary is empty: none of the {n_texts} training texts has a word "
                f"(split: {self.split}). Look at the text column, or try split: any_script."
            )

    def _kept(self, vocabulary: list[str], texts_with: Any, total: Any, n_texts: int) -> list[str]:
        """Drop words that occur in too few texts, then keep the most frequent of the others."""
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

        words = _words()
        if words.__name__ not in self._lookups:
            self._lookups[words.__name__] = words.lookup(self.vocabulary)
        numbers = words.numbers(found, self._lookups[words.__name__])
        ids = np.where(numbers < 0, UNKNOWN, numbers + N_SPECIAL).astype(np.int32)
        return Ragged(ids, np.concatenate(([0], np.cumsum(lengths))), self.vocab_size)


def _words() -> Any:
    """The module that splits and looks up words: with polars, except in a process that lost its threads by a fork."""
    from textforge.errors import polars_threads_are_lost

    if polars_threads_are_lost():
        from textforge_standard.vectorizers import plain_words

        return plain_words
    from textforge_standard.vectorizers import words

    return words
