"""Preprocessor `unicode`."""

from collections.abc import Callable
from functools import partial
from typing import Literal


def unicode_form(*, form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFC") -> Callable[[str], str]:
    """Apply one Unicode normalization form, so that equal words have equal characters (Unicode Annex 15).

    Options:
        form: NFC composes letters and combining marks, NFD decomposes them; NFKC and NFKD also replace compatibility
            characters, such as full-width letters and ligatures, by plain ones.
    """
    import unicodedata

    return partial(unicodedata.normalize, form)
