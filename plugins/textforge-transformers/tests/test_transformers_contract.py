"""Check each part with textforge's contract kit, as the standard parts are."""

import pytest
import transformers_tiny as tiny
from textforge.testing import contract_tests
from torch import nn

from textforge_transformers.layerwise_adamw import layerwise_adamw
from textforge_transformers.sentence_embeddings import SentenceEmbeddings
from textforge_transformers.transformer_encoder import transformer_encoder
from textforge_transformers.transformer_tokens import TransformerTokens


@pytest.fixture(autouse=True)
def _one_thread():
    tiny.checkpoint()
    with tiny.one_thread():
        yield


def checkpoint(_=None):
    return {"folder": tiny.checkpoint()}


@contract_tests("vectorizer", TransformerTokens, options=checkpoint)
def test_tokens(check):
    check()


@contract_tests("vectorizer", SentenceEmbeddings, options=checkpoint)
def test_embeddings(check):
    check()


@contract_tests("model", transformer_encoder, vectorizer=tiny.part("vectorizer", "transformer-tokens"))
def test_encoder(check):
    check()


class Layers(nn.Sequential):
    """A linear model whose `depths` lists its two layers."""

    def depths(self):
        return [list(layer.parameters()) for layer in self]


def layers(n_features, n_classes):
    from textforge import FeatureLinear

    return Layers(FeatureLinear(n_features, 8), nn.Linear(8, n_classes))


@contract_tests("optimizer", layerwise_adamw, module=layers, options={"lr": 0.05})
def test_layerwise_adamw(check):
    check()
