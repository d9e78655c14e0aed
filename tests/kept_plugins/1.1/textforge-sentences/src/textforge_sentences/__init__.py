"""Hierarchical attention (Yang et al. 2016): sentences of words, texts of sentences."""

from typing import Annotated

from annotated_types import Ge, Gt

TEXTFORGE_API = "1.1"

PADDING, UNKNOWN, END = 0, 1, 2


class Sentences:
    """Words in their order, with a mark after each sentence.

    Options:
        min_df: ignore words in fewer training texts than this.
        longest: number of words of each text to keep.
    """

    gives = ("vocab_size", "vectors", "sentence_end")
    sentence_end, vectors = END, None

    def __init__(self, *, min_df: Annotated[int, Ge(1)] = 2, longest: Annotated[int, Ge(1)] = 400):
        self.min_df, self.longest = min_df, longest

    @property
    def vocab_size(self):
        return 3 + len(self.words)

    def fit(self, texts):
        from collections import Counter

        counts = Counter(word for text in texts for sentence in self._split(text) for word in {*sentence})
        return self.from_state({"words": sorted(word for word, n in counts.items() if n >= self.min_df)})

    def transform(self, texts):
        import numpy as np
        from textforge import Ragged

        rows = []
        for text in texts:
            row = []
            for sentence in self._split(text):
                row += [self.number.get(word, UNKNOWN) for word in sentence] + [END]
            rows.append(row[: self.longest])
        indices = np.array([number for row in rows for number in row], dtype=np.int32)
        return Ragged(indices, np.cumsum([0, *map(len, rows)]), self.vocab_size)

    def state(self):
        return {"words": self.words}

    def from_state(self, state):
        self.words = state["words"]
        self.number = {word: number for number, word in enumerate(self.words, start=3)}
        return self

    def _split(self, text):
        import re

        sentences = (re.findall(r"\w+", part.lower()) for part in re.split(r"[.!?]+\s", text))
        return [words for words in sentences if words]


def hierarchical(
    vocab_size: int,
    n_classes: int,
    sentence_end: int,
    /,
    *,
    dim: Annotated[int, Ge(1)] = 32,
    hidden: Annotated[int, Ge(1)] = 16,
):
    """Attention over the words of each sentence and over the sentences (Yang et al. 2016).

    Options:
        dim: length of a word vector.
        hidden: width of each direction of both recurrent layers.
    """
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

    class Attention(nn.Module):
        """A recurrent layer, then a mean weighted by attention: (rows, steps, width) to (rows, 2 hidden)."""

        def __init__(self, width):
            super().__init__()
            self.recurrent = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
            self.key = nn.Linear(2 * hidden, 2 * hidden)
            self.context = nn.Linear(2 * hidden, 1, bias=False)

        def forward(self, vectors, lengths):
            packed = pack_padded_sequence(vectors, lengths.cpu(), batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
            scores = self.context(self.key(states).tanh()).squeeze(2)
            outside = torch.arange(states.shape[1], device=scores.device) >= lengths[:, None]
            share = scores.masked_fill(outside, float("-inf")).softmax(dim=1)
            return (share[:, :, None] * states).sum(dim=1)

    class Hierarchical(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, dim, padding_idx=0)
            self.words, self.sentences = Attention(dim), Attention(2 * hidden)
            self.output = nn.Linear(2 * hidden, n_classes)

        def forward(self, batch):
            words, real = batch.padded()
            sentences, per_text = [], []
            for row, mask in zip(words, real, strict=True):
                row = row[mask]
                ends = (row == sentence_end).nonzero().flatten().tolist()
                starts = [0, *(end + 1 for end in ends)]
                found = [row[a:b] for a, b in zip(starts, [*ends, len(row)], strict=True) if b > a]
                found = found or [row.new_ones(1)]  # an empty text is one unknown word
                sentences += found
                per_text.append(len(found))
            lengths = torch.tensor([len(one) for one in sentences], device=words.device)
            vectors = self.words(self.embedding(pad_sequence(sentences, batch_first=True)), lengths)
            texts = pad_sequence(vectors.split(per_text), batch_first=True)
            return self.output(self.sentences(texts, torch.tensor(per_text, device=words.device)))

    return Hierarchical()
