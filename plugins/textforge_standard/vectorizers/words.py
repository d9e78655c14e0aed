"""Texts cut into words and counted, on polars: what `tokens` is made on."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from textforge_standard.vectorizers.counting import Counts

Split = Literal["words", "spaces", "words_and_punctuation"]

WORD = r"[\p{L}\p{N}_]{2,}"
r"""Two or more letters, digits or underscores: scikit-learn's `(?u)\b\w\w+\b` in Rust's syntax.

Python's \w is letters and numbers of every kind and the underscore; Rust's \w takes marks too.
"""

WORD_OR_SIGN = r"[\p{L}\p{M}\p{N}_]+|[^\p{L}\p{M}\p{N}_\s]"
"""A word of any length, its combining marks included, or any one other character that is no white space."""


def cut(texts: Sequence[str], split: Split, lowercase: bool) -> tuple[pl.Series, NDArray[np.int64]]:
    """All words of all texts in their order, and the number of the text that each stands in."""
    series = pl.Series("text", _encodable(texts), dtype=pl.String)
    if lowercase:
        series = series.str.to_lowercase()
    pattern = WORD if split == "words" else WORD_OR_SIGN
    lists = series.str.split(" ") if split == "spaces" else series.str.extract_all(pattern)
    lengths = lists.list.len().to_numpy()
    # A text without a word would explode to one null, so it is left out before.
    words = lists.filter(lists.list.len() > 0).explode() if len(texts) else pl.Series([], dtype=pl.String)
    return words, np.repeat(np.arange(len(texts), dtype=np.int64), lengths)


def learn(words: pl.Series) -> list[str]:
    """The different words, sorted by code point as Python sorts them."""
    return words.unique().sort().to_list()


class Tally:
    """How many texts have each word, and how often all of them do, of some texts after the other."""

    def __init__(self) -> None:
        kinds = {"word": pl.String, "texts": pl.Int64, "total": pl.Int64}
        self._counts = pl.DataFrame(schema=kinds)

    def add(self, words: pl.Series, lengths: NDArray[np.int64]) -> None:
        """Count the words of texts that have so many of them."""
        rows = np.repeat(np.arange(len(lengths)), lengths)
        word = pl.col("word")
        here = pl.DataFrame({"word": words.cast(pl.String), "row": rows}).group_by(word)
        found = here.agg(pl.col("row").n_unique().cast(int).alias("texts"), pl.len().cast(int).alias("total"))
        self._counts = pl.concat([self._counts, found]).group_by(word).agg(pl.col("texts", "total").sum())

    def done(self) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        """The different words, sorted as `learn` does, the number of texts with each, and of its occurrences."""
        counts = self._counts.sort("word")
        return counts["word"].to_list(), counts["texts"].to_numpy(), counts["total"].to_numpy()


def count(words: pl.Series, rows: NDArray[np.int64], n_texts: int, vocabulary: pl.Enum) -> Counts:
    """Occurrences of the vocabulary's words in each text; words that it lacks are left out."""
    n_words = max(1, len(vocabulary.categories))
    column = words.cast(vocabulary, strict=False).to_physical()
    known = column.is_not_null().to_numpy()
    numbers = column.drop_nulls().to_numpy().astype(np.int64)
    keys = np.sort(rows[known] * n_words + numbers)  # one number a (text, word), in the order of CSR
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(first, append=len(keys))
    in_text, indices = np.divmod(keys[first], n_words)
    offsets = np.searchsorted(in_text, np.arange(n_texts + 1))
    return Counts(indices.astype(np.int32), offsets.astype(np.int64), counts)


def _encodable(texts: Sequence[str]) -> Sequence[str]:
    """Texts without lone surrogates, which no UTF-8 can hold; they become U+FFFD."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in texts]
    return texts
