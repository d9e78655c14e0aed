"""The layer that turns word numbers into vectors: what fasttext, textcnn, rnn and transformer share."""

from collections.abc import Callable
from typing import Any

SPECIAL = 2
"""Rows that are no word's: padding and the unknown word."""


def word_embedding(
    model: str,
    vocab_size: int,
    dim: int,
    vectors: Any,
    *,
    freeze: bool = False,
    draw: Callable[[int, int], Any] | None = None,
) -> Any:
    """An `nn.Embedding`, its rows drawn from N(0, 1 / dim) or, where there are some, pretrained.

    The rows of padding and of the unknown word begin at zero: a word that training never shows, as where the
    vocabulary has all its words, adds nothing to a text instead of noise. Padding stays zero.

    Args:
        model: the model's name, for messages.
        vocab_size: rows.
        dim: length of a word's vector.
        vectors: float array (vocab_size, dim) of pretrained rows, NaN where there is none; None: no pretrained.
        freeze: leave the vectors as they are.
        draw: gives (rows, dim) to begin with; by default `drawn`.

    Raises:
        RecipeError: the pretrained vectors have another length.
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
    """Rows of about unit length: numbers from N(0, 1 / dim)."""
    import torch

    return torch.randn(rows, dim) * dim**-0.5


def drawn_small(rows: int, dim: int) -> Any:
    """Numbers from the uniform distribution between -1 / dim and 1 / dim, as fastText begins.

    What a rare word is given at first hardly counts beside what it learns.
    """
    import torch

    return torch.empty(rows, dim).uniform_(-1 / dim, 1 / dim)


def padded(batch: Any) -> tuple[Any, Any]:
    """A batch's `padded()` in which an empty text is a text of one padding word: ids, and where words are."""
    ids, mask = batch.padded()
    mask = mask.clone()
    mask[:, 0] = True
    return ids, mask
