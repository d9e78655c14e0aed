"""Preprocessor `unicode`."""

from collections.abc import Callable
from functools import partial
from typing import Literal


def unicode_form(*, form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFC") -> Callable[[str], str]:
    """One Unicode normalization form, so that a word typed in two ways is one word (Unicode Annex 15).

    Options:
        form: NFC joins letters and their marks, NFD parts them; NFKC and NFKD also replace look-alikes, such as
            full-width letters and ligatures, by plain ones.
    """
    import unicodedata

    return partial(unicodedata.normalize, form)
