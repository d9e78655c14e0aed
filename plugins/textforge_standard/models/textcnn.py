"""Model `textcnn`."""

from typing import Annotated, Any

from annotated_types import MaxLen, MinLen

from textforge import Tune
from textforge_standard.declare import declare
from textforge_standard.models.sizes import Depth, Width
from textforge_standard.ranges import Dropout


def textcnn(
    vocab_size: int,
    n_classes: int,
    vectors: Any = None,
    /,
    *,
    dim: Width = 100,
    widths: Annotated[list[Depth], MinLen(1), MaxLen(100)] = [3, 4, 5],  # noqa: B006  (copied for each use)
    channels: Annotated[Width, Tune(low=50, high=200, log=True)] = 100,
    dropout: Dropout = 0.5,
    freeze: bool = False,
) -> Any:
    """Convolutional network (Kim 2014): filters over short runs of words, and the maximum response of each filter.

    Reads sequences (vectorizer 'tokens'). A text shorter than a filter is padded with zeros.

    Options:
        dim: length of the word vectors.
        widths: filter widths, in words; there is one group of filters per width.
        channels: number of filters of each width.
        dropout: probability of zeroing a response in training (Srivastava et al. 2014).
        freeze: do not train the word vectors; use it with pretrained ones (vectorizer.vectors).
    """
    import torch
    from torch import nn
    from torch.nn import functional

    from textforge_standard.models.embedding import word_embedding

    class TextCNN(nn.Module):
        """Convolutions over word vectors, ReLU, maximum over the text, dropout, one linear layer."""

        def __init__(self) -> None:
            super().__init__()
            self.words = word_embedding("textcnn", vocab_size, dim, vectors, freeze=freeze)
            self.convolutions = nn.ModuleList(nn.Conv1d(dim, channels, width) for width in widths)
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(channels * len(widths), n_classes)

        def forward(self, batch: Any) -> Any:
            ids, mask = batch.padded()
            ids = functional.pad(ids, (0, max(0, max(widths) - ids.shape[1])))
            states = self.words(ids).transpose(1, 2)
            pooled = [self.maximum(filters, states, mask.sum(dim=1)) for filters in self.convolutions]
            return self.out(self.dropout(torch.cat(pooled, dim=1)))

        def maximum(self, filters: Any, states: Any, lengths: Any) -> Any:
            """Maximum response over the windows within each text, independent of the padding of the batch."""
            responses = filters(states)
            windows = (lengths - filters.kernel_size[0] + 1).clamp(min=1)
            outside = torch.arange(responses.shape[2], device=responses.device) >= windows.unsqueeze(1)
            return functional.relu(responses.masked_fill(outside.unsqueeze(1), -torch.inf).amax(dim=2))

    return TextCNN()


def _contradiction(*, widths: list[int], **_: Any) -> str | None:
    return "widths names a width twice; set channels higher instead." if len(set(widths)) < len(widths) else None


declare(textcnn, check_options=_contradiction)
