"""The module of the model `transformer-encoder`."""

from collections.abc import Mapping
from typing import Any, Literal, cast

import torch
from torch import nn

from textforge_transformers.checkpoint import Pretrained
from textforge_transformers.encoders import TOKENS_AT_ONCE, depths, encoder, in_batches, pad_id, pooled
from textforge_transformers.transformer_tokens import SPECIAL


class EncoderClassifier(nn.Module):
    """An encoder, pooling to one vector per text, dropout and a linear layer. See `transformer_encoder` for options."""

    most_padded = TOKENS_AT_ONCE
    """Most tokens, padding included, that an exported model is given at once."""

    def __init__(
        self,
        n_classes: int,
        config: Mapping[str, Any],
        weights: Pretrained | None,
        *,
        pooling: str,
        dropout: float,
        freeze: int | Literal["embeddings", "all"] | None,
        gradient_checkpointing: bool,
    ) -> None:
        super().__init__()
        self.encoder: Any = encoder(config, weights)
        self._pad, self._pooling = pad_id(config), pooling
        self.dropout = nn.Dropout(dropout)
        width: int = cast(Any, self.encoder.config).hidden_size
        self.head = nn.Linear(width, n_classes)
        for part in self._frozen(freeze):
            for parameter in part:
                parameter.requires_grad_(False)
        if gradient_checkpointing:
            self._checkpoint_gradients()

    def depths(self) -> list[list[nn.Parameter]]:
        """The encoder's parameters: embeddings, then each layer from the lowest. All others belong to the head."""
        return depths(self.encoder)

    def _frozen(self, freeze: int | Literal["embeddings", "all"] | None) -> list[list[nn.Parameter]]:
        from textforge import RecipeError

        parts = self.depths()
        if freeze is None or freeze == "all":
            return parts if freeze else []
        lowest = 0 if freeze == "embeddings" else int(freeze)
        if lowest > len(parts) - 1:
            raise RecipeError(
                f"model 'transformer-encoder': freeze is {lowest}, but the encoder has {len(parts) - 1} layers. "
                "To freeze all layers, set freeze: all."
            )
        return parts[: lowest + 1]

    def _checkpoint_gradients(self) -> None:
        from textforge import RecipeError

        if not getattr(self.encoder, "supports_gradient_checkpointing", False):
            kind = type(self.encoder).__name__
            raise RecipeError(f"model 'transformer-encoder': {kind} has no gradient_checkpointing. Leave it out.")
        # Older versions use another name. Both make the embeddings require gradients, which frozen ones must not.
        enable = getattr(self.encoder, "activation_checkpointing_enable", self.encoder.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
        self.encoder.disable_input_require_grads()

    def forward(self, batch: Any) -> torch.Tensor:
        ids, mask = batch.padded()
        mask[:, 0] |= ~mask.any(dim=1)  # read a text without tokens as one padding token
        ids = torch.where(ids > 0, ids - SPECIAL, self._pad)
        if self.training or torch.compiler.is_compiling():  # an export takes one batch, of at most `most_padded` tokens
            return self._logits(ids, mask)
        # Prediction batches mix texts of all lengths and may exceed the memory of one forward pass.
        lengths = mask.sum(dim=1)
        logits = torch.empty(len(ids), self.head.out_features, device=ids.device)
        for places in in_batches(lengths.cpu().numpy()):
            rows = torch.from_numpy(places).to(ids.device)
            longest = int(lengths[rows].max())
            logits[rows] = self._logits(ids[rows, :longest], mask[rows, :longest]).float()
        return logits

    def _logits(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        logits: torch.Tensor = self.head(self.dropout(pooled(states, mask, self._pooling)))
        return logits
