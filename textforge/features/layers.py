"""A linear layer over a vectorizer's features."""

from __future__ import annotations

import math

import torch
from torch import nn

from textforge.features.bag_sums import bag_sum
from textforge.features.batch import Batch, RaggedBatch


class FeatureLinear(nn.Module):
    """`nn.Linear(n_features, out_features)` over ragged bags or dense vectors.

    For a bag, the output is the weighted sum of one weight row per entry (`bag_sum`). It equals the linear layer
    on the dense count vector, but its cost grows with the number of entries, not with the vocabulary.
    Weights are initialized exactly like those of `nn.Linear`: the same seed gives the same values.

    Args:
        n_features: size of the vocabulary, or of the dense vectors.
        out_features: size of the output vectors.
        bias: whether to add a learned bias.

    Shape:
        RaggedBatch of n rows, or float32 tensor (n, n_features), to float32 tensor (n, out_features).
    """

    def __init__(self, n_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        drawn = torch.empty(out_features, n_features)
        nn.init.kaiming_uniform_(drawn, a=math.sqrt(5))  # as nn.Linear.reset_parameters
        # Stored transposed, so that the row that embedding_bag reads for a word is contiguous.
        self.weight: nn.Parameter = nn.Parameter(drawn.t().contiguous())
        self.sparse = False
        """Whether the gradient for a bag is sparse; only for optimizers that accept sparse gradients."""
        self.bias: nn.Parameter | None = None
        if bias:
            bound = 1 / math.sqrt(n_features) if n_features else 0.0
            self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound))

    def forward(self, batch: Batch) -> torch.Tensor:
        dtype = self.weight.dtype  # may differ from float32 if the caller changed torch's default
        if isinstance(batch, RaggedBatch):
            weights = None if batch.weights is None else batch.weights.to(dtype)
            summed = bag_sum(self.weight, batch.indices, batch.offsets, weights, sparse=self.sparse)
        else:
            summed = batch.to(dtype) @ self.weight
        return summed if self.bias is None else summed + self.bias

    def explain(self, batch: RaggedBatch) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return what each entry of a bag adds to the output, shape (entries, out_features), and the bias.

        None in a subclass with another `forward`, whose output is unknown here.
        """
        if type(self).forward is not FeatureLinear.forward:
            return None
        rows = self.weight.detach()[batch.indices.long()]
        values = rows if batch.weights is None else rows * batch.weights[:, None].to(rows.dtype)
        return values, rows.new_zeros(rows.shape[1]) if self.bias is None else self.bias.detach()

    def extra_repr(self) -> str:
        return f"n_features={self.weight.shape[0]}, out_features={self.weight.shape[1]}"
