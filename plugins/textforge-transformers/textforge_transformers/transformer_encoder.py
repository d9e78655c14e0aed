"""Model `transformer-encoder`."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt


def transformer_encoder(
    n_classes: int,
    encoder_config: dict,
    encoder_weights=None,
    /,
    *,
    pooling: Literal["cls", "mean"] = "cls",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    freeze: Annotated[int, Gt(0)] | Literal["embeddings", "all"] | None = None,
    gradient_checkpointing: bool = False,
):
    """A pretrained Transformer encoder (BERT, Devlin et al. 2019, and its kin), fine-tuned, and one linear layer.

    Reads the vectorizer 'transformer-tokens', which names the checkpoint. Train it with small learning rates, such as
    those of the optimizer 'layerwise-adamw'.

    Options:
        pooling: what stands for a text: the state of its first token ('cls'), or the mean of all its states ('mean').
        dropout: probability of zeroing a number of what is pooled, while training.
        freeze: what stays as it was pretrained: the embeddings, these and the lowest N layers, or the whole encoder
            ('all'); null trains everything.
        gradient_checkpointing: keep less of the forward pass and compute it again for the gradients (Chen et al.
            2016): less memory for some more time.
    """
    from textforge_transformers.classifier import EncoderClassifier

    return EncoderClassifier(
        n_classes,
        encoder_config,
        encoder_weights,
        pooling=pooling,
        dropout=dropout,
        freeze=freeze,
        gradient_checkpointing=gradient_checkpointing,
    )
