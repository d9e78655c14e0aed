"""The word embedding that fasttext, textcnn, rnn and transformer share."""

from collections.abc import Callable
from typing import Any

SPECIAL = 2
"""Number of rows before the words: padding and the unknown word."""


def word_embedding(
    model: str,
    vocab_size: int,
    dim: int,
    vectors: Any,
    *,
    freeze: bool = False,
    draw: Callable[[int, int], Any] | None = None,
) -> Any:
    """An `nn.Embedding` with pretrained rows where they exist; other rows are drawn from N(0, 1 / dim).

    The rows of padding and of the unknown word are initialized to zero. If training texts contain no unknown word, its
    row stays zero and adds no noise to a text. Padding always stays zero.

    Args:
        model: name of the model, for messages.
        vocab_size: number of rows.
        dim: length of a word's vector.
        vectors: pretrained rows, float (vocab_size, dim), NaN in rows without a pretrained vector; None for none.
        freeze: do not train the vectors.
        draw: returns initial rows of shape (rows, dim); `drawn` by default.

    Raises:
        RecipeError: the pretrained vectors do not have length `dim`.
    """
    import torch
    from torch import nn

    from textforge import RecipeError

    if vectors is not None and vectors.shape[1] != dim:
        raise RecipeError(
            f"model '{model}': dim is {dim}, but the vectors have {vectors.shape[1]}: set model.dim: {vectors.shape[1]}"
        )
    layer = nn.Embedding(vocab_size, dim, padding_idx=0, _weight=(draw or drawn)(vocab_size, dim))
    with torch.no_grad():
        layer.weight[:SPECIAL] = 0
        if vectors is not None:
            given = torch.tensor(vectors, dtype=layer.weight.dtype)
            layer.weight.copy_(torch.where(given.isfinite(), given, layer.weight))
    layer.weight.requires_grad_(not freeze)
    return layer


def drawn(rows: int, dim: int) -> Any:
    """Draw rows of about unit length from N(0, 1 / dim)."""
    import torch

    return torch.randn(rows, dim) * dim**-0.5


def drawn_small(rows: int, dim: int) -> Any:
    """Draw rows from the uniform distribution between -1 / dim and 1 / dim, as fastText does.

    The initial values are small beside the learnt ones, even for a rare word.
    """
    import torch

    return torch.empty(rows, dim).uniform_(-1 / dim, 1 / dim)


def padded(batch: Any) -> tuple[Any, Any]:
    """The `padded()` ids and mask of a batch, with an empty text counted as one padding word."""
    ids, mask = batch.padded()
    mask = mask.clone()
    mask[:, 0] = True
    return ids, mask
