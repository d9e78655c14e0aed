"""Model `fasttext`."""

from typing import Annotated

from annotated_types import Ge, Le, Lt

from textforge_standard.models.sizes import Width

MULTIPLIER = 116049371
"""fastText's own, in its hash of word n-grams."""


def fasttext(
    vocab_size: int,
    n_classes: int,
    vectors=None,
    /,
    *,
    dim: Width = 50,
    ngrams: Annotated[int, Ge(1), Le(100)] = 2,
    buckets: Annotated[int, Ge(1), Le(2**30)] = 100_000,
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    freeze: bool = False,
):
    """fastText (Joulin et al. 2017): the mean of the vectors of words and word n-grams, then a linear layer.

    Reads sequences (vectorizer 'tokens'). n-grams have no dictionary: a hash puts each into one of `buckets`
    vectors, shared by whatever falls there.

    Options:
        dim: length of the vectors.
        ngrams: longest run of words that has a vector of its own; 1 is words only.
        buckets: vectors for the n-grams; without effect where ngrams is 1.
        dropout: probability of zeroing a number of the mean while training (Srivastava et al. 2014).
        freeze: leave the words' vectors as they are, as for pretrained ones (vectorizer.vectors).
    """
    import torch
    from torch import nn
    from torch.nn import functional

    from textforge import bag_sum
    from textforge_standard.models.embedding import drawn_small, word_embedding

    class FastText(nn.Module):
        """No text is padded: sums over a text's words and over its runs of each length."""

        def __init__(self):
            super().__init__()
            self.words = word_embedding("fasttext", vocab_size, dim, vectors, freeze=freeze, draw=drawn_small)
            self.runs = (
                nn.EmbeddingBag(buckets, dim, mode="sum", _weight=drawn_small(buckets, dim)) if ngrams > 1 else None
            )
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(dim, n_classes)

        def forward(self, batch):
            ids, starts = batch.indices.long(), batch.offsets.long()
            entries = lengths = functional.pad(starts[1:], (0, 1), value=len(ids)) - starts
            text = torch.repeat_interleave(torch.arange(len(starts), device=ids.device), lengths)
            total = bag_sum(self.words.weight, ids, starts, sparse=self.words.sparse)
            hashed = ids
            for more in range(1, ngrams):
                hashed = hashed[:-1] * MULTIPLIER + ids[more:]  # of each run of more + 1 words
                within = text[more:] == text[:-more]  # it ends in the text where it begins
                runs = (lengths - more).clamp(min=0)
                numbers, first = hashed[within] % buckets, runs.cumsum(0) - runs
                total = total + bag_sum(self.runs.weight, numbers, first, sparse=self.runs.sparse)
                entries = entries + runs
            return self.out(self.dropout(total / entries.clamp(min=1).unsqueeze(1)))

    return FastText()
