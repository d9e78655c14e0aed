"""The mean of word vectors, one for each class, which numpy can compute."""

TEXTFORGE_API = "1.2"


def averaged(n_features: int, n_classes: int, /):
    """The mean weight of the words of a text, for each class."""
    import torch
    from textforge import FeatureLinear, RaggedBatch

    class Averaged(FeatureLinear):
        def forward(self, batch):
            if isinstance(batch, RaggedBatch):
                lengths = torch.diff(batch.offsets, append=batch.offsets.new_tensor([len(batch.indices)]))
                rows = torch.arange(len(batch)).repeat_interleave(lengths)
                weights = torch.ones(len(batch.indices)) if batch.weights is None else batch.weights
                sums = torch.zeros(len(batch)).index_add(0, rows, weights)
            else:
                sums = batch.sum(dim=1)
            return (super().forward(batch) - self.bias) / sums.clamp(min=1)[:, None] + self.bias

    return Averaged(n_features, n_classes)


averaged.in_numpy = "textforge_averaged.in_numpy:scores"
