from textforge import hookimpl


class RareWords:
    """Words of seven letters and more, counted."""

    def fit(self, texts):
        self.words = sorted({word for text in texts for _, word in self._words(text)})
        self._number()
        return self

    def transform(self, texts):
        import numpy as np
        from textforge import Ragged

        rows = [sorted(self.numbers[word] for _, word in self._words(text) if word in self.numbers) for text in texts]
        offsets = np.cumsum([0, *map(len, rows)])
        return Ragged(np.array([number for row in rows for number in row], dtype=np.int32), offsets, len(self.words))

    def spans(self, text):
        import numpy as np

        found = [(self.numbers[word], at, at + len(word)) for at, word in self._words(text) if word in self.numbers]
        return tuple(np.array(found, dtype=np.int64).reshape(-1, 3).T)

    def state(self):
        return {"words": self.words}

    def from_state(self, state):
        self.words = list(state["words"])
        self._number()
        return self

    def _number(self):
        self.numbers = {word: number for number, word in enumerate(self.words)}

    def _words(self, text):
        import re

        return [(match.start(), match.group()) for match in re.finditer(r"[a-z]{7,}", text)]


@hookimpl
def textforge_vectorizers():
    return {"rare-words": RareWords}
