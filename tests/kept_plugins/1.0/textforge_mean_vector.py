from textforge import hookimpl


def mean_vector(vocab_size: int, n_classes: int, /, *, dim: int = 32):
    """Mean of word vectors, then one linear layer.

    Options:
        dim: length of a word vector.
    """
    from torch import nn

    class MeanVector(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, dim, padding_idx=0)
            self.output = nn.Linear(dim, n_classes)

        def forward(self, batch):
            words, real = batch.padded()
            summed = self.embedding(words).sum(dim=1)  # padding is a vector of zeros
            return self.output(summed / real.sum(dim=1, keepdim=True).clamp(min=1))

    return MeanVector()


@hookimpl
def textforge_models():
    return {"mean-vector": mean_vector}
