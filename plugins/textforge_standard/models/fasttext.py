"""Model `fasttext`."""

from typing import Annotated, Any

from annotated_types import Ge, Le

from textforge import Tune
from textforge_standard.models.sizes import Width
from textforge_standard.ranges import Dropout

MULTIPLIER = 116049371
"""Multiplier of fastText's hash of word n-grams."""


def fasttext(
    vocab_size: int,
    n_classes: int,
    vectors: Any = None,
    /,
    *,
    dim: Annotated[Width, Tune(low=20, high=200, log=True)] = 50,
    ngrams: Annotated[int, Ge(1), Le(100), Tune(choices=(1, 2, 3))] = 2,
    buckets: Annotated[int, Ge(1), Le(2**30)] = 100_000,
    dropout: Dropout = 0.0,
    freeze: bool = False,
) -> Any:
    """fastText (Joulin et al. 2017): the mean of the vectors of words and word n-grams, then a linear layer.

    Reads sequences (vectorizer 'tokens'). Instead of a dictionary, a hash assigns each n-gram one of `buckets`
    vectors; n-grams with the same hash share a vector.

    Options:
        dim: length of the vectors.
        ngrams: largest n of the word n-grams; 1 uses words only.
        buckets: number of vectors for n-grams; unused if ngrams is 1.
        dropout: probability of zeroing an element of the mean in training (Srivastava et al. 2014).
        freeze: do not train the word vectors; use it with pretrained ones (vectorizer.vectors).
    """
    import torch
    from torch import nn

    from textforge import bag_sum
    from textforge_standard.models.embedding import drawn_small, word_embedding

    class FastText(nn.Module):
        """Sums over a text's words and its n-grams of each length, without padding."""

        def __init__(self) -> None:
            super().__init__()
            self.words = word_embedding("fasttext", vocab_size, dim, vectors, freeze=freeze, draw=drawn_small)
            self.runs: Any = (
                nn.EmbeddingBag(buckets, dim, mode="sum", _weight=drawn_small(buckets, dim)) if ngrams > 1 else None
            )
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(dim, n_classes)

        def forward(self, batch: Any) -> Any:
            ids, starts = batch.indices.long(), batch.offsets.long()
            total = ids.shape[0]  # not len(), which an export would fix to the length of its example
            entries = lengths = torch.cat([starts[1:], starts.new_full((1,), total)]) - starts
            numbers = torch.arange(starts.shape[0], device=ids.device)
            text = torch.repeat_interleave(numbers, lengths, output_size=total)
            summed = bag_sum(self.words.weight, ids, starts, sparse=self.words.sparse)
            for more, _, numbers in self.hashed_runs(ids, text):
                runs = (lengths - more).clamp(min=0)
                first = runs.cumsum(0) - runs
                summed = summed + bag_sum(self.runs.weight, numbers, first, sparse=self.runs.sparse)
                entries = entries + runs
            return self.out(self.dropout(summed / entries.clamp(min=1).unsqueeze(1)))

        def hashed_runs(self, ids: Any, text: Any) -> Any:
            """Yield, for each n-gram length, the number of words after the first, the first words, and the vectors."""
            hashed = ids
            for more in range(1, ngrams):
                hashed = hashed[:-1] * MULTIPLIER + ids[more:]
                within = text[more:] == text[:-more]  # the run ends in the text in which it begins
                yield more, within.nonzero().flatten(), hashed[within] % buckets

        def explain(self, batch: Any) -> Any:
            """What each word adds to each output, with its share of the n-grams that it is part of; and the bias."""
            ids, starts = batch.indices.long(), batch.offsets.long()
            lengths = torch.diff(starts, append=starts.new_tensor([len(ids)]))
            text = torch.repeat_interleave(torch.arange(len(starts), device=ids.device), lengths)
            sums, entries = self.words.weight[ids], lengths.clone()
            for more, at, numbers in self.hashed_runs(ids, text):
                for word in range(more + 1):
                    sums = sums.index_add(0, at + word, self.runs.weight[numbers] / (more + 1))
                entries += (lengths - more).clamp(min=0)
            return sums / entries.clamp(min=1)[text, None] @ self.out.weight.T, self.out.bias

    return FastText()
