"""Pooling of word states into one vector per text."""

from typing import Literal

import torch
from torch import nn

Kind = Literal["mean", "max", "attention"]


class Pooling(nn.Module):
    """Mean, maximum, or weighted mean over a text's words, ignoring padding.

    'attention' weighs each word by a softmax of the learned v · tanh(W h + b) (Yang et al. 2016).

    Shape:
        states: (n, longest, dim).
        mask: (n, longest), True at words; at least one per row.
        output: (n, dim).
    """

    def __init__(self, kind: Kind, dim: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "attention":
            self.score = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1, bias=False))

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        at_word = mask.unsqueeze(2)
        if self.kind == "max":
            return states.masked_fill(~at_word, -torch.inf).amax(dim=1)
        if self.kind == "attention":
            weights = self.score(states).masked_fill(~at_word, -torch.inf).softmax(dim=1)
            pooled: torch.Tensor = (weights * states).sum(dim=1)
            return pooled
        return (states * at_word).sum(dim=1) / at_word.sum(dim=1)
