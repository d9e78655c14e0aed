"""Split texts into words and count them with polars, for `tokens`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from textforge.errors import require_polars_threads
from textforge_standard.checked_polars import pl
from textforge_standard.vectorizers.counting import Counts
from textforge_standard.vectorizers.folding import Form, folded
from textforge_standard.vectorizers.units import Cutter

Split = Literal["words", "spaces", "words_and_punctuation", "any_script"]

WORD = r"[\p{L}\p{N}_]{2,}"
r"""Two or more letters, digits or underscores: scikit-learn's `(?u)\b\w\w+\b` in Rust's syntax.

Python's \w is letters and numbers of every kind and the underscore; Rust's \w takes marks too.
"""

WORD_OR_SIGN = r"[\p{L}\p{M}\p{N}_]+|[^\p{L}\p{M}\p{N}_\s]"
"""A word of any length, with its combining marks, or any other single character except white space."""


@dataclass(frozen=True)
class Splitting:
    """How to split texts into words, as the options of `tokens` say."""

    split: Split = "words"
    punctuation: bool = False
    unicode: Form | None = None
    lowercase: bool = False


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
    series = pl.Series("text", _encodable(texts), dtype=pl.String)
    if how.lowercase and how.unicode is None:
        series = series.str.to_lowercase()
    pattern = WORD if how.split == "words" else WORD_OR_SIGN
    lists = series.str.split(" ") if how.split == "spaces" else series.str.extract_all(pattern)
    lengths = lists.list.len().to_numpy()
    # A text without words would explode to one null, so drop it first.
    words = lists.filter(lists.list.len() > 0).explode() if len(texts) else pl.Series([], dtype=pl.String)
    return words, np.repeat(np.arange(len(texts), dtype=np.int64), lengths)


def _cut_any_script(texts: Sequence[str], how: Splitting) -> tuple[pl.Series, NDArray[np.int64]]:
    """Split by the cutter of the bags, and read its units into polars."""
    cutter = Cutter("any_script", lowercase=how.lowercase, unicode=how.unicode or "NFC", punctuation=how.punctuation)
    found, lengths = [pl.Series([], dtype=pl.String)], [np.zeros(0, dtype=np.int64)]
    for units in cutter.chunks(texts):
        lengths.append(np.diff(units.texts))
        if len(units.starts):
            apart = units.one_space_apart()
            joined = apart.data[: apart.ends[-1]].decode()
            found.append(pl.Series([joined]).str.split(" ").explode())
    return pl.concat(found), np.repeat(np.arange(len(texts), dtype=np.int64), np.concatenate(lengths))


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


def count(words: pl.Series, rows: NDArray[np.int64], n_texts: int, vocabulary: pl.Enum) -> Counts:
    """Count the words of the vocabulary in each text; ignore other words."""
    n_words = max(1, len(vocabulary.categories))
    column = words.cast(vocabulary, strict=False).to_physical()
    known = column.is_not_null().to_numpy()
    numbers = column.drop_nulls().to_numpy().astype(np.int64)
    keys = np.sort(rows[known] * n_words + numbers)  # one number per (text, word), in CSR order
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(first, append=len(keys))
    in_text, indices = np.divmod(keys[first], n_words)
    offsets = np.searchsorted(in_text, np.arange(n_texts + 1))
    return Counts(indices.astype(np.int32), offsets.astype(np.int64), counts)


def _encodable(texts: Sequence[str]) -> Sequence[str]:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD (one per byte)."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in texts]
    return texts
