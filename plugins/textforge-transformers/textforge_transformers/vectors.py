"""The module that computes the vectors of the vectorizer `sentence-embeddings`."""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import normalize

from textforge_transformers.encoders import TOKENS_AT_ONCE, pooled


class EncoderVectors(nn.Module):
    """An encoder and pooling to one vector per text.

    Args:
        encoder: the encoder.
        pad: its padding id.
        pooling: 'mean' or 'cls'.
        normalise: whether to scale each vector to length 1.
    """

    most_padded = TOKENS_AT_ONCE
    """Most tokens, padding included, that an exported encoder is given at once."""

    def __init__(self, encoder: Any, pad: int, pooling: str, normalise: bool) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self._pad, self._pooling, self._normalise = pad, pooling, normalise

    def forward(self, batch: Any) -> torch.Tensor:
        """The vectors of a ragged batch of the tokenizer's ids, float32, shape (texts, width)."""
        ids, mask = batch.padded()
        ids = torch.where(mask, ids, self._pad)
        mask[:, 0] = True  # read a text without tokens as one padding token
        states = self.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        found = pooled(states, mask, self._pooling)
        return normalize(found) if self._normalise else found
