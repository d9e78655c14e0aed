"""Split texts into words and count them with polars, for `tokens`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.errors import require_polars_threads
from textforge_standard.checked_polars import pl
from textforge_standard.vectorizers.folding import folded
from textforge_standard.vectorizers.splitting import Splitting as Splitting, any_script, without_surrogates
from textforge_standard.vectorizers.units import encodable

WORD = r"[\p{L}\p{N}_]{2,}"
r"""Two or more letters, digits or underscores: scikit-learn's `(?u)\b\w\w+\b` in Rust's syntax.

Python's \w is letters and numbers of every kind and the underscore; Rust's \w takes marks too.
"""

WORD_OR_SIGN = r"[\p{L}\p{M}\p{N}_]+|[^\p{L}\p{M}\p{N}_\s]"
"""A word of any length, with its combining marks, or any other single character except white space."""


def cut(texts: Sequence[str], how: Splitting) -> tuple[pl.Series, NDArray[np.int64]]:
    """Split texts into words; return all words in order, and the text number of each.

    Raises:
        TextforgeError: this process was forked after polars had started its threads.
    """
    require_polars_threads()
    if how.split == "any_script":
        return _cut_any_script(texts, how)
    if how.unicode is not None:
        texts = [folded(text, how.unicode, how.lowercase) for text in texts]
    series = pl.Series("text", without_surrogates(texts), dtype=pl.String)
    if how.lowercase and how.unicode is None:
        series = series.str.to_lowercase()
    pattern = WORD if how.split == "words" else WORD_OR_SIGN
    lists = series.str.split(" ") if how.split == "spaces" else series.str.extract_all(pattern)
    lengths = lists.list.len().to_numpy()
    # A text without words would explode to one null, so drop it first.
    words = lists.filter(lists.list.len() > 0).explode() if len(texts) else pl.Series([], dtype=pl.String)
    return words, np.repeat(np.arange(len(texts), dtype=np.int64), lengths)


def placed(text: str, how: Splitting) -> tuple[pl.Series, NDArray[np.int64], NDArray[np.int64]]:
    """The words of a text, the first character of each in the text, and the one after its last."""
    from textforge_standard.vectorizers.alignment import aligned

    in_any_script = how.split == "any_script"
    unicode = how.unicode or ("NFC" if in_any_script else None)

    def prepared(text: str) -> str:
        text = text if unicode is None else folded(text, unicode, how.lowercase)
        text = (encodable if in_any_script else without_surrogates)([text])[0]
        return str(pl.Series([text]).str.to_lowercase()[0]) if how.lowercase and unicode is None else text

    changed, alignment = aligned(text, prepared)
    found, _ = cut([text], how)
    starts, at = [], 0
    for word in found.to_list():
        # Nothing that is left out between two words contains a word, so the next place is its own.
        at = changed.find(word, at)
        starts.append(at)
        at += len(word) + (how.split == "spaces")
    first = np.array(starts, dtype=np.int64)
    return found, *alignment.spans(first, first + np.array([*map(len, found.to_list())], dtype=np.int64))


def _cut_any_script(texts: Sequence[str], how: Splitting) -> tuple[pl.Series, NDArray[np.int64]]:
    """Split by the cutter of the bags, and read its units into polars."""
    units, lengths = any_script(texts, how)
    found = [pl.Series([], dtype=pl.String), *(pl.Series([joined]).str.split(" ").explode() for joined in units)]
    return pl.concat(found), np.repeat(np.arange(len(texts), dtype=np.int64), lengths)


def only(words: pl.Series, keep: NDArray[np.bool_]) -> pl.Series:
    """The words of a mask."""
    return words.filter(keep)


def learn(words: pl.Series) -> list[str]:
    """The distinct words, sorted by code point as in Python."""
    return words.unique().sort().to_list()


class Tally:
    """Number of texts with each word and its total count, collected chunk by chunk."""

    def __init__(self) -> None:
        kinds = {"word": pl.String, "texts": pl.Int64, "total": pl.Int64}
        self._counts = pl.DataFrame(schema=kinds)

    def add(self, words: pl.Series, lengths: NDArray[np.int64]) -> None:
        """Count the words of a chunk; `lengths` has the number of words per text."""
        rows = np.repeat(np.arange(len(lengths)), lengths)
        word = pl.col("word")
        here = pl.DataFrame({"word": words.cast(pl.String), "row": rows}).group_by(word)
        found = here.agg(pl.col("row").n_unique().cast(int).alias("texts"), pl.len().cast(int).alias("total"))
        self._counts = pl.concat([self._counts, found]).group_by(word).agg(pl.col("texts", "total").sum())

    def done(self) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        """The distinct words, sorted as in `learn`, the number of texts with each, and the total counts."""
        counts = self._counts.sort("word")
        return counts["word"].to_list(), counts["texts"].to_numpy(), counts["total"].to_numpy()


def lookup(vocabulary: Sequence[str]) -> Any:
    """A vocabulary as `numbers` needs it."""
    return pl.Enum(vocabulary)


def numbers(words: pl.Series, vocabulary: Any) -> NDArray[np.int64]:
    """The place of each word in a `lookup`; -1 for unknown words."""
    found = words.cast(vocabulary, strict=False).to_physical().cast(int)
    return found.fill_null(-1).to_numpy()
