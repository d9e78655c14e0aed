"""A Transformer encoder layer, and sinusoidal position vectors."""

import torch
from torch import nn
from torch.nn import functional


class EncoderLayer(nn.Module):
    """One encoder layer with pre-norm: x + attention(norm(x)), then x + feedforward(norm(x))."""

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.queries_keys_values = nn.Linear(dim, 3 * dim)
        self.mix = nn.Linear(dim, dim)
        self.feedforward = nn.Sequential(nn.Linear(dim, feedforward), nn.GELU(), nn.Linear(feedforward, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = states + self.dropout(self._attention(self.norm1(states), mask))
        update: torch.Tensor = self.dropout(self.feedforward(self.norm2(states)))
        return states + update

    def _attention(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        split = self.queries_keys_values(states).unflatten(2, (3, self.heads, -1))  # (n, longest, 3, heads, width)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask[:, None, None])
        mixed: torch.Tensor = self.mix(attended.transpose(1, 2).flatten(2))
        return mixed


def sinusoids(n: int, dim: int) -> torch.Tensor:
    """Sines (even columns) and cosines (odd columns) with wavelengths from 2π to 10000 · 2π; float32 (n, dim)."""
    angles = torch.arange(n).unsqueeze(1) * 10000 ** (-torch.arange(0, dim, 2) / dim)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
