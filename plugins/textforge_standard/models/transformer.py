"""Model `transformer`."""

from typing import Annotated, Any, Literal

from textforge import Tune
from textforge_standard.declare import declare
from textforge_standard.models.sizes import Depth, Width
from textforge_standard.ranges import Dropout


def transformer(
    vocab_size: int,
    n_classes: int,
    vectors: Any = None,
    /,
    *,
    dim: Width = 128,
    layers: Annotated[Depth, Tune(choices=(1, 2, 3))] = 2,
    heads: Depth = 4,
    feedforward: Width = 256,
    positions: Literal["sinusoidal", "learned"] = "sinusoidal",
    max_positions: Width = 512,
    pooling: Literal["mean", "max", "attention", "cls"] = "mean",
    dropout: Dropout = 0.1,
    freeze: bool = False,
) -> Any:
    """A small Transformer encoder (Vaswani et al. 2017) trained from scratch, with pre-norm (Xiong et al. 2020).

    Reads sequences (vectorizer 'tokens'). Time and memory grow with the square of the longest text.

    Options:
        dim: length of the word vectors and of every state.
        layers: number of encoder layers.
        heads: attention heads of each layer; dim is divided among them.
        feedforward: width of the feed-forward network in each encoder layer.
        positions: position vectors: fixed sines and cosines, or one learned vector per position.
        max_positions: largest number of words read per text; a longer text is truncated with a warning.
        pooling: how a text's states become one vector: the mean, the maximum, the mean with learned weights (Yang et
            al. 2016), or the state of a learned first position, like BERT's [CLS] (Devlin et al. 2019).
        dropout: probability of zeroing an element of the word vectors, of each sublayer and of the pooled vector, in
            training.
        freeze: do not train the word vectors; use it with pretrained ones (vectorizer.vectors).
    """
    import torch
    from torch import nn
    from torch.nn import functional

    from textforge_standard.models.embedding import padded, word_embedding
    from textforge_standard.models.encoder import EncoderLayer, sinusoids
    from textforge_standard.models.pooling import Pooling

    class Transformer(nn.Module):
        """Word and position vectors, encoder layers, a final norm, pooling, one linear layer."""

        positions: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.warnings: list[str] = []
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

        def forward(self, batch: Any) -> Any:
            ids, mask = padded(batch)
            if not torch.compiler.is_compiling() and ids.shape[1] > max_positions:  # an export takes no branch
                self.warnings = [f"of a text the first {max_positions} words are read (model.max_positions)."]
            ids, mask = ids[:, :max_positions], mask[:, :max_positions]
            states = self.words(ids) * dim**0.5 + self.positions[: ids.shape[1]]
            if self.cls is not None:
                states = torch.cat([self.cls.expand(states.shape[0], 1, -1), states], dim=1)
                mask = functional.pad(mask, (1, 0), value=True)
            states = self.dropout(states)
            for layer in self.layers:
                states = layer(states, mask)
            states = self.norm(states)
            pooled = states[:, 0] if self.pooling is None else self.pooling(states, mask)
            return self.out(self.dropout(pooled))

    return Transformer()


def _contradiction(*, dim: int, heads: int, positions: str, **_: Any) -> str | None:
    if dim % heads:
        return f"heads is {heads}, which does not divide dim {dim}."
    return "dim must be even for sinusoidal positions." if positions == "sinusoidal" and dim % 2 else None


declare(transformer, check_options=_contradiction)
