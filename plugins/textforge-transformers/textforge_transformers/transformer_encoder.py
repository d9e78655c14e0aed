"""Model `transformer-encoder`."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt


def transformer_encoder(
    n_classes: int,
    encoder_config: dict[str, Any],
    encoder_weights: Any = None,
    /,
    *,
    pooling: Literal["cls", "mean"] = "cls",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    freeze: Annotated[int, Gt(0)] | Literal["embeddings", "all"] | None = None,
    gradient_checkpointing: bool = False,
) -> Any:
    """A fine-tuned pretrained Transformer encoder (BERT, Devlin et al. 2019, and its kin) and a linear layer.

    Needs the vectorizer 'transformer-tokens', which names the checkpoint. Train it with small learning rates, such as
    those of the optimizer 'layerwise-adamw'.

    Options:
        pooling: the vector of a text: the state of its first token ('cls'), or the mean of all its states ('mean').
        dropout: probability of zeroing each element of the pooled vector during training.
        freeze: weights to leave as pretrained: the embeddings ('embeddings'), these and the lowest N layers (a number),
            or the whole encoder ('all'); null trains everything.
        gradient_checkpointing: recompute parts of the forward pass for the gradients instead of storing them (Chen et
            al. 2016), which saves memory but takes more time.
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
