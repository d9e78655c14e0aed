"""How `tokens` splits texts, and the steps that need no polars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from textforge_standard.vectorizers.folding import Form
from textforge_standard.vectorizers.units import Cutter

Split = Literal["words", "spaces", "words_and_punctuation", "any_script"]


@dataclass(frozen=True)
class Splitting:
    """How to split texts into words, as the options of `tokens` say."""

    split: Split = "words"
    punctuation: bool = False
    unicode: Form | None = None
    lowercase: bool = False


def any_script(texts: Sequence[str], how: Splitting) -> tuple[list[str], NDArray[np.int64]]:
    """Split by the cutter of the bags; return the units joined by spaces, chunk by chunk, and their number per text."""
    cutter = Cutter("any_script", lowercase=how.lowercase, unicode=how.unicode or "NFC", punctuation=how.punctuation)
    found, lengths = [], [np.zeros(0, dtype=np.int64)]
    for units in cutter.chunks(texts):
        lengths.append(np.diff(units.texts))
        if len(units.starts):
            apart = units.one_space_apart()
            found.append(apart.data[: apart.ends[-1]].decode())
    return found, np.concatenate(lengths)


def without_surrogates(texts: Sequence[str]) -> Sequence[str]:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD (one per byte)."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in texts]
    return texts
