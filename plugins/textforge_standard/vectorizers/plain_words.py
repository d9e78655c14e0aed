"""Do as `words` without polars, more slowly, for a forked process that lacks the threads of polars.

The results are equal for all characters that Python's Unicode tables know.
"""

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge_standard.vectorizers.folding import folded
from textforge_standard.vectorizers.splitting import Splitting, any_script, without_surrogates

Words = NDArray[np.object_]

_WORD = re.compile(r"\w{2,}")
_WHITE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as Unicode defines it; Python's \\s also takes four separators of ASCII."""


def cut(texts: Sequence[str], how: Splitting) -> tuple[Words, NDArray[np.int64]]:
    """Split texts into words; return all words in order, and the text number of each."""
    if how.split == "any_script":
        units, lengths = any_script(texts, how)
        words = list(chain.from_iterable(joined.split(" ") for joined in units))
    else:
        if how.unicode is not None:
            texts = [folded(text, how.unicode, how.lowercase) for text in texts]
        texts = without_surrogates(texts)
        if how.lowercase and how.unicode is None:
            texts = [text.lower() for text in texts]
        pattern = _WORD if how.split == "words" else _word_or_sign()
        lists = [text.split(" ") if how.split == "spaces" else pattern.findall(text) for text in texts]
        words, lengths = list(chain.from_iterable(lists)), np.array([len(one) for one in lists], dtype=np.int64)
    found = np.empty(len(words), dtype=object)
    found[:] = words
    return found, np.repeat(np.arange(len(texts), dtype=np.int64), lengths)


def only(words: Words, keep: NDArray[np.bool_]) -> Words:
    """The words of a mask."""
    return words[keep]


def learn(words: Words) -> list[str]:
    """The distinct words, sorted by code point."""
    return sorted({*words.tolist()})


def lookup(vocabulary: Sequence[str]) -> Any:
    """A vocabulary as `numbers` needs it."""
    return {word: number for number, word in enumerate(vocabulary)}


def numbers(words: Words, vocabulary: Any) -> NDArray[np.int64]:
    """The place of each word in a `lookup`; -1 for unknown words."""
    return np.array([vocabulary.get(word, -1) for word in words.tolist()], dtype=np.int64)


@lru_cache
def _word_or_sign() -> re.Pattern[str]:
    """A word of any length, with its combining marks, or any other single character except white space."""
    marks = "".join(chr(point) for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point))[0] == "M")
    mark = f"[{marks}]"  # apart from \w, so that it compiles to a table
    return re.compile(rf"(?:\w+|{mark}\w*)(?:{mark}\w*)*|[^{_WHITE}]")
