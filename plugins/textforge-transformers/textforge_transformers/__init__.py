"""Pretrained Transformer encoders as textforge parts.

Each part is registered by its import path, so that transformers and torch are imported only when a recipe uses it.
"""

from textforge import hookimpl

TEXTFORGE_API = "1.0"


@hookimpl
def textforge_vectorizers() -> dict[str, str]:
    return {
        "sentence-embeddings": "textforge_transformers.sentence_embeddings:SentenceEmbeddings",
        "transformer-tokens": "textforge_transformers.transformer_tokens:TransformerTokens",
    }


@hookimpl
def textforge_models() -> dict[str, str]:
    return {"transformer-encoder": "textforge_transformers.transformer_encoder:transformer_encoder"}


@hookimpl
def textforge_optimizers() -> dict[str, str]:
    return {"layerwise-adamw": "textforge_transformers.layerwise_adamw:layerwise_adamw"}
