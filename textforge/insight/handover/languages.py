"""The languages of texts as ISO 639-1 codes: by py3langid where it is installed, else by a script of one language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain

import numpy as np

from textforge.data.dataset import Dataset
from textforge.insight.doctor.languages import USUAL, recognizer
from textforge.insight.doctor.scripts import main_script

SAMPLE = 300
"""Number of texts that are looked at."""
FEWEST = 10
"""Number of recognized texts below which nothing is said."""
OF_ONE_LANGUAGE = {"KANA": "ja", "HANGUL": "ko", "THAI": "th", "LAO": "lo", "KHMER": "km", "MYANMAR": "my",
                   "GREEK": "el", "HEBREW": "he", "ARMENIAN": "hy", "GEORGIAN": "ka", "TAMIL": "ta",
                   "TELUGU": "te"}  # fmt: skip
"""Scripts in which nearly all texts are in one language. Latin, Cyrillic, Arabic, Devanagari and Han say nothing."""


def languages_of(dataset: Dataset) -> list[str]:
    """Return the codes of the languages in which a fifth or more of the texts are, the most frequent first.

    A sample of the training texts is looked at; of a streamed dataset, of the other splits. Empty if unsure.
    """
    splits = dataset.splits()
    texts = splits["train"][0] if "train" in splits else [*chain.from_iterable(texts for texts, _ in splits.values())]
    return _languages(_sample(texts))


def _sample(texts: Sequence[str]) -> list[str]:
    rows = np.unique(np.linspace(0, len(texts) - 1, min(SAMPLE, len(texts))).astype(int)) if len(texts) else ()
    return [str(texts[row]) for row in rows]


def _languages(texts: Sequence[str]) -> list[str]:
    if find_spec("py3langid"):
        recognize = recognizer()
        found = Counter(language for text in texts if (language := recognize(text)))
    else:
        found = Counter(OF_ONE_LANGUAGE.get(script, "") for text in texts if (script := main_script(text)))
    total = sum(found.values())
    if total < FEWEST:
        return []
    return [language for language, n in found.most_common() if language and n >= USUAL * total]
