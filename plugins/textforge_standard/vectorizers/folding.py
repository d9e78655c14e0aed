"""Make texts that mean the same equal: Unicode normalization, invisible characters and case."""

import re
import unicodedata
from typing import Literal

Form = Literal["NFC", "NFKC"]

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u0640\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\U000e0100-\U000e01ef]"
    "|\u200d(?![\u2190-\u2bff\U0001f000-\U0001faff])"
)
"""Characters without a meaning of their own: soft hyphens, tatweel, joiners, directions, variation selectors.

They are those of Unicode's Default_Ignorable_Code_Point, and tatweel, which only stretches an Arabic word. A zero-width
joiner in front of a symbol stays, because it joins emoji; a zero-width space becomes a space.
"""
_STYLE = re.compile("(?<=[#*0-9\u00a9\u00ae\u203c-\u2bff\u3030-\u3299\U0001f000-\U0001faff])[\ufe0e\ufe0f]+")
"""Variation selectors that choose between the coloured and the plain picture of a symbol."""


def folded(text: str, form: Form, lowercase: bool) -> str:
    """Normalize a text; with `lowercase`, fold its case, so that STRASSE equals straße (Unicode 3.13, C. 4 and 5).

    Canonically equivalent texts give the same result. A Turkish capital İ is folded to i, as is I.
    """
    if text.isascii():
        return text.lower() if lowercase else text
    text = _STYLE.sub("", _INVISIBLE.sub("", text.replace("\u200b", " ")))
    text = unicodedata.normalize(form, text)
    if lowercase:
        # Folding İ gives an i with a dot above; folding may also part what normalization had composed.
        text = unicodedata.normalize(form, text.casefold().replace("i\u0307", "i"))
    return text
