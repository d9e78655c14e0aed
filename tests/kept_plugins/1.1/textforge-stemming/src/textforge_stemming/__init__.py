"""Stems of words in front of any vectorizer."""

from typing import Literal

from textforge import Vectorizer

TEXTFORGE_API = "1.1"

Language = Literal["english", "german", "french", "spanish"]


def stem(*, language: Language = "english"):
    """Replace each word by its stem (Snowball, Porter 2001).

    Options:
        language: language of the texts.
    """
    import functools
    import re

    from snowballstemmer import stemmer

    stem_of = functools.lru_cache(maxsize=100_000)(stemmer(language).stemWord)
    return lambda text: re.sub(r"\w+", lambda word: stem_of(word[0].lower()), text)


class Stemmed:
    """Any vectorizer over the stems of words (Snowball, Porter 2001).

    Options:
        of: the vectorizer.
        language: language of the texts.
    """

    def __init__(self, facts, /, *, of: Vectorizer = "tfidf", language: Language = "english"):
        self.inner, self.stem = of.build(facts), stem(language=language)

    @staticmethod
    def gives(*, of, **others):
        return of.gives

    def fit(self, texts, targets=None):
        from textforge.data import called_offering

        called_offering(self.inner.fit, self.stemmed(texts), targets=targets)
        return self

    def fit_chunks(self, chunks):
        self.inner.fit_chunks(map(self.stemmed, chunks))
        return self

    def transform(self, texts):
        return self.inner.transform(self.stemmed(texts))

    def stemmed(self, texts):
        from textforge.data import changed_by

        return changed_by(self.stem, texts)

    def state(self):
        return {"inner": self.inner.state()}

    def from_state(self, state):
        self.inner = self.inner.from_state(state["inner"])
        return self

    def __getattr__(self, name):  # facts of the fitted vectorizer
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)
