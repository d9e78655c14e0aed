"""Model `rnn`."""

from typing import Annotated, Any, Literal

from textforge import Tune
from textforge_standard.models.sizes import Depth, Width
from textforge_standard.ranges import Dropout


def rnn(
    vocab_size: int,
    n_classes: int,
    vectors: Any = None,
    /,
    *,
    cell: Literal["gru", "lstm"] = "gru",
    dim: Width = 100,
    hidden: Annotated[Width, Tune(low=50, high=200, log=True)] = 100,
    layers: Depth = 1,
    bidirectional: bool = True,
    pooling: Literal["last", "mean", "max", "attention"] = "max",
    dropout: Dropout = 0.3,
    freeze: bool = False,
) -> Any:
    """Recurrent network (LSTM, Hochreiter & Schmidhuber 1997; or GRU, Cho et al. 2014) in one or both directions.

    Reads sequences (vectorizer 'tokens'). Its time grows with the longest text, so set vectorizer.max_length.

    Options:
        cell: the recurrent cell; the GRU has fewer weights.
        dim: length of the word vectors.
        hidden: width of the state in each direction.
        layers: number of stacked recurrent layers.
        bidirectional: also read texts backwards (Schuster & Paliwal 1997).
        pooling: how a text's states become one vector: the last state of each direction, the mean, the maximum, or
            the mean with learned weights (Yang et al. 2016).
        dropout: probability of zeroing an element of the word vectors, between layers, and of the pooled vector, in
            training.
        freeze: do not train the word vectors; use it with pretrained ones (vectorizer.vectors).
    """
    import torch
    from torch import nn

    from textforge_standard.models.embedding import padded, word_embedding
    from textforge_standard.models.pooling import Pooling

    class Recurrent(nn.Module):
        """Word vectors, recurrent layers, pooling, one linear layer, with dropout between them.

        The backward direction reads reversed texts with the padding still at the end, so padding never affects a
        text's states. torch's packed sequences do the same at several times the cost on a CPU.
        """

        def __init__(self) -> None:
            super().__init__()
            make = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
            width = hidden * (1 + bidirectional)
            self.words = word_embedding("rnn", vocab_size, dim, vectors, freeze=freeze)
            self.layers: Any = nn.ModuleList(
                nn.ModuleList(make(width if layer else dim, hidden, batch_first=True) for _ in range(1 + bidirectional))
                for layer in range(layers)
            )
            self.pooling = Pooling(pooling, width) if pooling != "last" else None
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(width, n_classes)

        def forward(self, batch: Any) -> Any:
            ids, mask = padded(batch)
            rows = ids.shape[0]  # not len(), which an export would fix to the length of its example
            if not rows:
                return self.out.bias.new_zeros(0, n_classes)  # torch's cells reject an empty batch
            last = mask.sum(dim=1, keepdim=True) - 1
            place = torch.arange(ids.shape[1], device=ids.device)
            turned = torch.where(mask, last - place, place).unsqueeze(2)
            states = self.words(ids)
            for layer in self.layers:
                directions = list(layer)
                given = self.dropout(states)
                found = [directions[0](given)[0]]
                if bidirectional:
                    backward, _ = directions[1](given.gather(1, turned.expand_as(given)))
                    found.append(backward.gather(1, turned.expand_as(backward)))
                states = torch.cat(found, dim=2)
            if self.pooling is not None:
                return self.out(self.dropout(self.pooling(states, mask)))
            ends = [found[0][torch.arange(rows, device=ids.device), last[:, 0]], *(way[:, 0] for way in found[1:])]
            return self.out(self.dropout(torch.cat(ends, dim=1)))

    return Recurrent()
