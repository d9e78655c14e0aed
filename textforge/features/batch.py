"""A batch of features as tensors, as a module's `forward` receives it."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RaggedBatch:
    """A batch of ragged rows, as a model's `forward` receives it; the arguments of `nn.EmbeddingBag`.

    Args:
        indices: int32 tensor, shape (total,): the feature indices of all rows, concatenated.
        offsets: int32 tensor, shape (n_rows,): the start of each row in `indices`.
        weights: float32 tensor, shape (total,): the weight of each entry; None if every weight is 1.
    """

    indices: torch.Tensor
    offsets: torch.Tensor
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def padded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Pad rows with 0 on the right; return the indices (int64) and a mask that is False on padding (bool).

        Shape:
            Both (n_rows, max(1, length of the longest row)).
        """
        ends = torch.cat([self.offsets[1:], self.offsets.new_tensor([len(self.indices)])])
        lengths = (ends - self.offsets).long()
        longest = max(1, int(lengths.max())) if len(self) else 1
        mask = torch.arange(longest, device=lengths.device) < lengths[:, None]
        numbers = torch.zeros(mask.shape, dtype=torch.int64, device=lengths.device)
        numbers[mask] = self.indices.long()
        return numbers, mask

    def to(self, device: torch.device) -> RaggedBatch:
        """Return the batch on a device; the same object if it is already there."""
        if self.indices.device == device:
            return self
        weights = None if self.weights is None else self.weights.to(device)
        return RaggedBatch(self.indices.to(device), self.offsets.to(device), weights)


Batch = RaggedBatch | torch.Tensor
