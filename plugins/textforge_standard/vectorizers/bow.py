"""Vectorizer `bow`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Self

from annotated_types import Ge, Gt, Le

from textforge import Tune
from textforge_standard.vectorizers.text_options import TextOptions


@dataclass(kw_only=True, eq=False, repr=False)
class BagOfWords(TextOptions):
    """Counts of the words or n-grams of a text; the vocabulary is learned from the training texts.

    Options:
        min_df: drop n-grams that occur in fewer training texts than this: a number (2) or a fraction (0.01).
        max_df: drop n-grams that occur in more training texts than this: a number or a fraction (1.0 keeps all).
        max_features: keep only this many of the most frequent n-grams; null keeps all.
        binary: count each n-gram at most once per text.
    """

    min_df: Annotated[Annotated[int, Ge(1)] | Annotated[float, Gt(0), Le(1)], Tune(choices=(1, 2, 5))] = 1
    max_df: Annotated[int, Ge(1)] | Annotated[float, Gt(0), Le(1)] = 1.0
    max_features: Annotated[int, Ge(1)] | None = None
    binary: bool = False

    gives = ("n_features",)

    @staticmethod
    def check_options(**options: Any) -> str | None:
        """A sentence about options that contradict each other, or None."""
        min_df, max_df = options["min_df"], options["max_df"]
        if isinstance(min_df, int) == isinstance(max_df, int) and min_df > max_df:
            return f"min_df, {min_df}, is more than max_df, {max_df}: nothing would be left."
        return TextOptions.check_options(**options)

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the sorted vocabulary.

        Raises:
            DataError: the vocabulary is empty.
        """
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Fit on texts and return their features, splitting each text once.

        Raises:
            DataError: the vocabulary is empty.
        """
        self._begin()
        counts = self._counts(texts, self._ngrams.learn)
        self._refuse_empty(len(texts))
        frequencies = counts.frequencies(self.n_features, totals=self._asks_totals())
        keep = self._kept(frequencies)
        if keep is not None:
            counts, frequencies = counts.only(keep), frequencies.only(keep)
        self._learn(frequencies)
        return self._features(counts)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Do as `fit`, on chunks that are read once; memory grows only with the vocabulary.

        Raises:
            DataError: the vocabulary is empty.
        """
        frequencies = self._frequencies(chunks)
        self._refuse_empty(frequencies.n_texts)
        keep = self._kept(frequencies)
        self._learn(frequencies if keep is None else frequencies.only(keep))
        return self

    def count_chunks(self, chunks: Iterable[Sequence[str]]) -> dict[str, Any]:
        """Count the n-grams of a part of the training texts, for `merge`."""
        from textforge_standard.vectorizers.merging import packed_counts

        frequencies = self._frequencies(chunks)
        return packed_counts(self.vocabulary, frequencies)

    def merge(self, counts: Sequence[dict[str, Any]]) -> Self:
        """Learn from the counts of all parts what `fit` learns from all texts.

        Raises:
            DataError: the vocabulary is empty.
        """
        from textforge_standard.vectorizers.merging import merged_counts

        # Compare units one by one: a word may hold a character that sorts before the space between two words.
        vocabulary, frequencies = merged_counts(counts, _units if self._joins_words() else None)
        self._refuse_empty(frequencies.n_texts, len(vocabulary))
        keep = self._chosen(frequencies)
        if keep is not None:
            vocabulary = [name for name, kept in zip(vocabulary, keep.tolist(), strict=True) if kept]
            frequencies = frequencies.only(keep)
        self._restore(vocabulary)
        self._learn(frequencies)
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row per text, float32 weights."""
        return self._features(self._counts(texts, partial(map, self._ngrams.columns)))

    def spans(self, text: str) -> Any:
        """Where each n-gram stands in a text: arrays of columns, first characters, and characters after the last."""
        units, starts, ends = self._cut.placed(text)
        columns, first, last = self._ngrams.occurrences(units)
        return columns, starts[first], ends[last]

    def _counts(self, texts: Sequence[str], columns: Callable[[Iterable[Any]], Iterator[Any]]) -> Any:
        """Count the n-grams of each text; `columns` returns the columns of the n-grams in each chunk of units."""
        from textforge_standard.vectorizers import by_words
        from textforge_standard.vectorizers.counting import count

        def counted(texts: Sequence[str]) -> Any:
            found = columns(self._cut.chunks(texts))
            return count(found, max(1, self.n_features))

        if self.unit == "characters_in_words" and by_words.is_worth(texts):
            return by_words.count_by_words(texts, self._cut, counted)
        return counted(texts)

    @property
    def n_features(self) -> int:
        """The size of the vocabulary."""
        return len(self._ngrams)

    @property
    def vocabulary(self) -> list[str]:
        """The n-gram of each feature, words joined by a space; sorted by units."""
        return self._ngrams.vocabulary

    def get_feature_names_out(self) -> list[str]:
        """The vocabulary, by the method that scikit-learn's vectorizers have."""
        return self.vocabulary

    def state(self) -> dict[str, Any]:
        """The vocabulary, packed into arrays."""
        from textforge_standard.vectorizers.packing import pack

        return dict(pack(self.vocabulary))

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the vocabulary that `state` returned."""
        from textforge_standard.vectorizers.packing import unpack

        self._restore(unpack(state))
        return self

    def grow(self, texts: Sequence[str]) -> None:
        """Add the n-grams of more texts to the vocabulary; known ones keep their columns, new ones come after them.

        `min_df`, `max_df` and `max_features` choose among the n-grams of these texts, and may leave none.
        """
        from textforge import DataError

        try:
            more = replace(self).fit(texts)
        except DataError:  # no n-gram is left to add
            return
        known = {*self.vocabulary}
        new = [column for column, name in enumerate(more.vocabulary) if name not in known]
        self._restore([*self.vocabulary, *(more.vocabulary[column] for column in new)])
        self._learn_more(more, new)

    def _learn_more(self, more: Any, new: list[int]) -> None:
        """Add what `more`, fitted on more texts, has learned about its columns `new`; a hook for subclasses."""

    def _restore(self, vocabulary: list[str]) -> None:
        from textforge_standard.vectorizers.units import Cutter

        self._begin()
        units = Cutter("spaces" if self.unit == "words" else "characters")
        self._ngrams.restore(vocabulary, units.chunks(vocabulary))

    def _begin(self) -> None:
        from textforge_standard.vectorizers.ngrams import NGrams

        self._cut = self._cutter()
        self._ngrams = NGrams(
            *self.ngrams,
            between=" " if self.unit == "words" else "",
            short_groups=self.unit == "characters_in_words",
            pairs=self.split == "any_script",
        )

    def _frequencies(self, chunks: Iterable[Sequence[str]]) -> Any:
        """Make a column for each n-gram of all chunks, and count them."""
        self._begin()
        return self._ngrams.learn_frequencies(
            (units for texts in chunks for units in self._cut.chunks(texts)), totals=self._asks_totals()
        )

    def _joins_words(self) -> bool:
        return self.unit == "words" and (self.ngrams[1] > 1 or self.split == "any_script")

    def _learn(self, frequencies: Any) -> None:
        """Learn more from the frequencies of the features; a hook for subclasses."""

    def _asks_totals(self) -> bool:
        """Whether choosing the most frequent features needs their total counts."""
        return self.max_features is not None and not self.binary

    def _refuse_empty(self, n_texts: int, n_features: int | None = None) -> None:
        from textforge import DataError

        if not (self.n_features if n_features is None else n_features):
            raise DataError(f"the vocabulary is empty: none of the {n_texts} training texts has {self._missing()}")

    def _features(self, counts: Any) -> Any:
        import numpy as np

        from textforge import Ragged

        weights = None if self.binary else counts.counts.astype(np.float32)
        return Ragged(counts.indices, counts.offsets, self.n_features, weights)

    def _kept(self, frequencies: Any) -> Any:
        """Drop features by `min_df`, `max_df` and `max_features`; a mask of those kept, or None if all are."""
        keep = self._chosen(frequencies)
        if keep is not None:
            self._ngrams.keep(keep)
        return keep

    def _chosen(self, frequencies: Any) -> Any:
        """A mask of the features to keep, or None to keep all."""
        import numpy as np

        from textforge import DataError

        n_texts, texts_with = frequencies.n_texts, frequencies.texts_with
        fewest, most = (df if isinstance(df, int) else df * n_texts for df in (self.min_df, self.max_df))
        if fewest <= 1 and most >= n_texts and self.max_features is None:
            return None
        keep = (texts_with >= fewest) & (texts_with <= most)
        if not keep.any():
            raise DataError(
                f"the vocabulary is empty: of {len(keep)} {self._noun()}s none is in at least "
                f"{_amount(self.min_df)} and at most {_amount(self.max_df)} of {n_texts} training texts. "
                "Loosen vectorizer.min_df or max_df."
            )
        if self.max_features is not None and keep.sum() > self.max_features:
            order = np.argsort(-np.where(keep, frequencies.total, -1), kind="stable")  # ties: first in the alphabet
            keep = np.zeros_like(keep)
            keep[order[: self.max_features]] = True
        return keep

    def _noun(self) -> str:
        return "word" if self.unit == "words" and self.ngrams[1] == 1 else "n-gram"

    def _missing(self) -> str:
        """What the training texts lack, and the advice, for the error message."""
        fewest = self.ngrams[0]
        what = "word" if self.unit == "words" else "character"
        what = f"a {what}" if fewest == 1 else f"{fewest} {what}s in a row"
        stops = " that is no stop word" if self.stop_words else ""
        if self.unit == "words" and self.split == "words":
            return f"{what}{stops} (split: words). Look at the text column, or try split: any_script."
        return f"{what}{stops}. Look at the text column."


def _units(name: str) -> list[str]:
    return name.split(" ")


def _amount(df: float) -> str:
    return str(df) if isinstance(df, int) else f"{df:.0%}"
