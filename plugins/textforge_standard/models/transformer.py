"""Model `transformer`."""

from typing import Annotated, Literal

from annotated_types import Ge, Lt

from textforge_standard.models.sizes import Depth, Width


def transformer(
    vocab_size: int,
    n_classes: int,
    vectors=None,
    /,
    *,
    dim: Width = 128,
    layers: Depth = 2,
    heads: Depth = 4,
    feedforward: Width = 256,
    positions: Literal["sinusoidal", "learned"] = "sinusoidal",
    max_positions: Width = 512,
    pooling: Literal["mean", "max", "attention", "cls"] = "mean",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    freeze: bool = False,
):
    """A small Transformer encoder (Vaswani et al. 2017) trained from scratch, with pre-norm (Xiong et al. 2020).

    Reads sequences (vectorizer 'tokens'). Time and memory grow with the square of the longest text.

    Options:
        dim: length of the word vectors and of every state.
        layers: encoder layers.
        heads: attention heads of each layer; dim is shared out among them.
        feedforward: width of the layer in each encoder layer's feed-forward part.
        positions: what tells where a word stands: fixed sines and cosines, or a learned vector a position.
        max_positions: words that are read of a text; the rest of a longer text is left out, which is told.
        pooling: how states become one: their mean, their maximum, their mean with learned weights (Yang et al.
            2016), or the state of a learned first position, as BERT's [CLS] (Devlin et al. 2019).
        dropout: probability of zeroing a number of the word vectors, of each sublayer and of what is pooled, while
            training.
        freeze: leave the word vectors as they are, as for pretrained ones (vectorizer.vectors).
    """
    import torch
    from torch import nn
    from torch.nn import functional

    from textforge_standard.models.embedding import padded, word_embedding
    from textforge_standard.models.encoder import EncoderLayer, sinusoids
    from textforge_standard.models.pooling import Pooling

    class Transformer(nn.Module):
        """Word vectors and positions, encoder layers, a last norm, pooling, one linear layer."""

        def __init__(self):
            super().__init__()
            self.warnings = []
            self.words = word_embedding("transformer", vocab_size, dim, vectors, freeze=freeze)
            self.cls = nn.Parameter(torch.randn(dim)) if pooling == "cls" else None
            if positions == "learned":
                self.positions = nn.Parameter(torch.randn(max_positions, dim) * 0.02)
            else:
                self.register_buffer("positions", sinusoids(max_positions, dim), persistent=False)
            self.layers = nn.ModuleList(EncoderLayer(dim, heads, feedforward, dropout) for _ in range(layers))
            self.norm = nn.LayerNorm(dim)
            self.pooling = Pooling(pooling, dim) if pooling != "cls" else None
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(dim, n_classes)

        def forward(self, batch):
            ids, mask = padded(batch)
            if ids.shape[1] > max_positions:
                self.warnings = [f"of a text the first {max_positions} words are read (model.max_positions)."]
                ids, mask = ids[:, :max_positions], mask[:, :max_positions]
            states = self.words(ids) * dim**0.5 + self.positions[: ids.shape[1]]
            if self.cls is not None:
                states = torch.cat([self.cls.expand(len(states), 1, -1), states], dim=1)
                mask = functional.pad(mask, (1, 0), value=True)
            states = self.dropout(states)
            for layer in self.layers:
                states = layer(states, mask)
            states = self.norm(states)
            return self.out(self.dropout(states[:, 0] if self.cls is not None else self.pooling(states, mask)))

    return Transformer()


def _fit(*, dim, heads, positions, **_):
    if dim % heads:
        return f"heads is {heads}, which does not divide dim {dim}."
    return "dim must be even for sinusoidal positions." if positions == "sinusoidal" and dim % 2 else None


transformer.check_options = _fit
