from textforge import Vectorizer, hookimpl


class FirstWords:
    """Apply any vectorizer to the first words of each text.

    Options:
        of: the vectorizer.
        words: number of words of each text to keep.
    """

    def __init__(self, facts, /, *, of: Vectorizer = "tfidf", words: int = 50):
        self.inner, self.words = of.build(facts), words

    @staticmethod
    def gives(*, of, **others):
        return of.gives

    def fit(self, texts):
        self.inner.fit([self.cut(text) for text in texts])
        return self

    def transform(self, texts):
        return self.inner.transform([self.cut(text) for text in texts])

    def cut(self, text):
        return " ".join(text.split()[: self.words])

    def state(self):
        return {"inner": self.inner.state()}

    def from_state(self, state):
        self.inner = self.inner.from_state(state["inner"])
        return self

    def __getattr__(self, name):  # facts of the fitted vectorizer
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)


@hookimpl
def textforge_vectorizers():
    return {"first-words": FirstWords}
