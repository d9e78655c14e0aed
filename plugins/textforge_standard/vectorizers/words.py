"""Texts cut into words and counted, on polars: what `bow`, `tfidf` and `tokens` share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Split = Literal["words", "spaces", "words_and_punctuation"]

WORD = r"[\p{L}\p{N}_]{2,}"
r"""Two or more letters, digits or underscores: scikit-learn's `(?u)\b\w\w+\b` in Rust's syntax.

Python's \w is letters and numbers of every kind and the underscore; Rust's \w takes marks too.
"""

WORD_OR_SIGN = r"[\p{L}\p{M}\p{N}_]+|[^\p{L}\p{M}\p{N}_\s]"
"""A word of any length, its combining marks included, or any one other character that is no white space."""


@dataclass(frozen=True)
class Counts:
    """How often each word stands in each text: a CSR matrix, column numbers ascending in each row."""

    indices: NDArray[np.int32]
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def only(self, keep: NDArray[np.bool_]) -> "Counts":
        """The counts of the words in `keep`, numbered anew."""
        kept = keep[self.indices]
        offsets = np.concatenate(([0], np.cumsum(kept)))[self.offsets]
        number = np.cumsum(keep, dtype=np.int32) - 1
        return Counts(number[self.indices[kept]], offsets, self.counts[kept])


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


def count(words: pl.Series, rows: NDArray[np.int64], n_texts: int, vocabulary: pl.Enum) -> Counts:
    """Occurrences of the vocabulary's words in each text; words that it lacks are left out."""
    n_words = max(1, len(vocabulary.categories))
    numbers = words.cast(vocabulary, strict=False).to_physical()
    known = numbers.is_not_null().to_numpy()
    numbers = numbers.drop_nulls().to_numpy().astype(np.int64)
    keys = np.sort(rows[known] * n_words + numbers)  # one number a (text, word), in the order of CSR
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(first, append=len(keys))
    in_text, indices = np.divmod(keys[first], n_words)
    offsets = np.searchsorted(in_text, np.arange(n_texts + 1))
    return Counts(indices.astype(np.int32), offsets.astype(np.int64), counts)


def pack(vocabulary: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Words as two arrays, the UTF-8 of all and the length in bytes of each, for a bundle."""
    encoded = [word.encode() for word in vocabulary]
    return {
        "words": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "lengths": np.fromiter(map(len, encoded), dtype=np.int32, count=len(encoded)),
    }


def unpack(state: dict[str, Any]) -> list[str]:
    """The words that `pack` packed."""
    data = state["words"].tobytes()
    ends = np.cumsum(state["lengths"], dtype=np.int64).tolist()
    return [data[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]


def _encodable(texts: Sequence[str]) -> Sequence[str]:
    """Texts without lone surrogates, which no UTF-8 can hold; they become U+FFFD."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in texts]
    return texts
