"""Layers of model `mlp` that differ from torch's."""

import torch
from torch import nn
from torch.nn import functional

from textforge import RaggedBatch


class InputDropout(nn.Module):
    """Dropout over features: entries of a bag, or elements of a vector."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, batch: RaggedBatch | torch.Tensor) -> RaggedBatch | torch.Tensor:
        if not self.training:
            return batch
        if isinstance(batch, torch.Tensor):
            return functional.dropout(batch, self.p)
        weights = (
            torch.ones(len(batch.indices), device=batch.indices.device) if batch.weights is None else batch.weights
        )
        return RaggedBatch(batch.indices, batch.offsets, functional.dropout(weights, self.p))


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that uses its running statistics for a batch of one, which has no variance.

    An epoch ends with such a batch if the number of texts is one more than a multiple of the batch size.
    """

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if self.training and len(rows) == 1:
            return functional.batch_norm(
                rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(rows)
