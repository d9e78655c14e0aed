"""Model `textcnn`."""

from typing import Annotated

from annotated_types import Ge, Lt, MaxLen, MinLen

from textforge_standard.models.sizes import Depth, Width


def textcnn(
    vocab_size: int,
    n_classes: int,
    vectors=None,
    /,
    *,
    dim: Width = 100,
    widths: Annotated[list[Depth], MinLen(1), MaxLen(100)] = [3, 4, 5],  # noqa: B006  (copied for each use)
    channels: Width = 100,
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.5,
    freeze: bool = False,
):
    """Convolutional network (Kim 2014): detectors of short runs of words, the strongest answer of each.

    Reads sequences (vectorizer 'tokens'). A text shorter than a detector is filled up with zeros.

    Options:
        dim: length of the word vectors.
        widths: words that the detectors look at, one group of detectors for each width.
        channels: detectors of each width.
        dropout: probability of zeroing an answer while training (Srivastava et al. 2014).
        freeze: leave the word vectors as they are, as for pretrained ones (vectorizer.vectors).
    """
    import torch
    from torch import nn
    from torch.nn import functional

    from textforge_standard.models.embedding import word_embedding

    class TextCNN(nn.Module):
        """Convolutions over word vectors, ReLU, maximum over the text, dropout, one linear layer."""

        def __init__(self):
            super().__init__()
            self.words = word_embedding("textcnn", vocab_size, dim, vectors, freeze=freeze)
            self.convolutions = nn.ModuleList(nn.Conv1d(dim, channels, width) for width in widths)
            self.dropout = nn.Dropout(dropout)
            self.out = nn.Linear(channels * len(widths), n_classes)

        def forward(self, batch):
            ids, mask = batch.padded()
            ids = functional.pad(ids, (0, max(0, max(widths) - ids.shape[1])))
            states = self.words(ids).transpose(1, 2)
            pooled = [self.strongest(detectors, states, mask.sum(dim=1)) for detectors in self.convolutions]
            return self.out(self.dropout(torch.cat(pooled, dim=1)))

        def strongest(self, detectors, states, lengths):
            """Maximum over the windows that lie in the text: what a batch is padded to changes nothing."""
            answers = detectors(states)
            windows = (lengths - detectors.kernel_size[0] + 1).clamp(min=1)
            outside = torch.arange(answers.shape[2], device=answers.device) >= windows.unsqueeze(1)
            return functional.relu(answers.masked_fill(outside.unsqueeze(1), -torch.inf).amax(dim=2))

    return TextCNN()


def _fit(*, widths, **_):
    return "widths names a width twice; set channels higher instead." if len(set(widths)) < len(widths) else None


textcnn.check_options = _fit
