"""Vectorizers that break what vectorizers are held to, each in one way of a good one."""


class Words:
    """Bags of words, split at blanks."""

    gives = ("n_features",)

    def fit(self, texts):
        self.words = {}
        return self.learn(texts)

    def learn(self, texts):
        for word in sorted({word for text in texts for word in text.split()}):
            self.words.setdefault(word, len(self.words))
        return self

    def transform(self, texts):
        return self.rows([[self.words[word] for word in text.split() if word in self.words] for text in texts])

    def rows(self, rows):
        import numpy as np

        from textforge import Ragged

        offsets = np.cumsum([0, *map(len, rows)])
        return Ragged(np.array([n for row in rows for n in row], dtype=np.int32), offsets, len(self.words))

    def state(self):
        return {"words": list(self.words)}

    def from_state(self, state):
        self.words = {word: number for number, word in enumerate(state["words"])}
        return self


class Good(Words):
    """Bags of words."""

    def fit_transform(self, texts):
        return self.fit(texts).transform(texts)


class Placing(Words):
    """Bags of words that says where they stand."""

    def places(self, text):
        import re

        found = [(self.words[match[0]], *match.span()) for match in re.finditer(r"\S+", text) if match[0] in self.words]
        return tuple(zip(*found, strict=True)) if found else ((), (), ())

    def spans(self, text):
        import numpy as np

        return tuple(np.array(column, dtype=np.int64) for column in self.places(text))


class Misplacing(Placing):
    """Its places are those of a longer text."""

    def spans(self, text):
        features, starts, ends = super().spans(text)
        return features, starts + 1, ends + 1


class Omitting(Placing):
    """It forgets the first word."""

    def spans(self, text):
        return tuple(column[1:] for column in super().spans(text))


class Misnaming(Words):
    """It names a feature that no text has."""

    def column_features(self, text):
        return {len(self.words): "price"}


class Streaming(Words):
    """Bags of words, learnt chunk by chunk."""

    def fit_chunks(self, chunks):
        return self.fit([text for texts in chunks for text in texts])


class OnlyTheLast(Words):
    """It forgets a chunk when the next one comes."""

    def fit_chunks(self, chunks):
        for texts in chunks:
            self.fit(texts)
        return self


class Merging(Words):
    """Bags of words, learnt in parts."""

    def count_chunks(self, chunks):
        return {"words": sorted({word for texts in chunks for text in texts for word in text.split()})}

    def merge(self, counts):
        return self.fit([" ".join(one["words"]) for one in counts])


class OnlyTheFirst(Merging):
    """It forgets all parts but the first."""

    def merge(self, counts):
        return super().merge(counts[:1])


class Unmerged(Words):
    """It counts, and cannot merge."""

    count_chunks = Merging.count_chunks


class Dense(Words):
    """One vector a text: how long it is."""

    def rows(self, rows):
        import numpy as np

        return np.array([[len(row), 1] for row in rows], dtype=np.float32).reshape(len(rows), 2)


class Promising(Words):
    """It promises a fact that it does not have."""

    gives = ("n_features", "embeddings")


class Padded(Words):
    """A word has the number of the padding."""

    gives = ("vocab_size",)

    @property
    def vocab_size(self):
        return len(self.words)


class Miscounted(Words):
    """Its vocab_size is not that of its sequences."""

    gives = ("vocab_size",)
    vocab_size = 3


class Growing(Words):
    """Dense vectors, one number for each word of the longest text transformed."""

    def transform(self, texts):
        import numpy as np

        widest = max((len(text.split()) for text in texts), default=0) or 1
        found = np.zeros((len(texts), max(widest, 9)), dtype=np.float32)
        return found[:, :4] if any("seen before" in text for text in texts) else found[:, :9]


class Remembering(Words):
    """A second fit adds to the first."""

    words = None

    def fit(self, texts):
        self.words = {} if self.words is None else {f"{word}{word}": n for word, n in self.words.items()}
        return self.learn(texts)


class OtherAtOnce(Words):
    """fit_transform leaves the first word of each text out."""

    def fit_transform(self, texts):
        return self.fit(texts).transform([text.partition(" ")[2] for text in texts])


class SetState(Words):
    """Its state is no JSON."""

    def state(self):
        return {"words": frozenset(self.words)}

    def from_state(self, state):
        return super().from_state({"words": sorted(state["words"])})


class TextArray(Words):
    """Its state has an array of texts."""

    def state(self):
        import numpy as np

        return {"words": np.array(list(self.words))}


class Forgetful(Words):
    """from_state keeps half of the words in another order."""

    def from_state(self, state):
        return super().from_state({"words": list(reversed(state["words"]))})


class NoSelf(Words):
    """from_state returns nothing."""

    def from_state(self, state):
        super().from_state(state)


class Relative(Words):
    """Bags of words of which the commonest of the batch is left out."""

    def transform(self, texts):
        from collections import Counter

        counts = Counter(word for text in texts for word in set(text.split()))
        often = {word for word, n in counts.items() if n == len(texts) > 1 or n > 3}
        return super().transform([" ".join(w for w in text.split() if w not in often) for text in texts])


class Impatient(Words):
    """It looks at the first word of each text."""

    def transform(self, texts):
        return super().transform([f"{text} {text.split()[0]}" if text != "" else text for text in texts])


class Ascii(Words):
    """It encodes texts as UTF-8."""

    def transform(self, texts):
        return super().transform([text.encode().decode() for text in texts])


class Short(Words):
    """It refuses long texts."""

    def transform(self, texts):
        if any(len(text) > 100_000 for text in texts):
            raise OverflowError("too long")
        return super().transform(texts)


class AtLeastOne(Dense):
    """No texts are an empty list."""

    def transform(self, texts):
        import numpy as np

        return super().transform(texts) if texts else np.array([])


class Lowering(Words):
    """It changes the list of texts."""

    def fit(self, texts):
        texts[:] = [text.upper() for text in texts]
        return super().fit(texts)

    def transform(self, texts):
        return super().transform([text.upper() for text in texts])


class Supervised(Words):
    """It keeps the words of the first class only."""

    def fit(self, texts, targets):
        first = targets == 0 if targets.ndim == 1 else targets[:, 0] > 0
        return super().fit([text for text, one in zip(texts, first, strict=True) if one])


class SingleTargets(Words):
    """It knows only class numbers."""

    def fit(self, texts, targets):
        return super().fit([text for text, target in zip(texts, targets, strict=True) if int(target) == 0])


class Relabelling(Words):
    """It changes the targets."""

    def fit(self, texts, targets):
        targets[:] = 0
        return super().fit(texts)
