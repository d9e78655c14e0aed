"""`textforge.train_module`: a model that holds another trains it as a trainer does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_sets, make_texts
from torch import nn

import textforge
from textforge import ComponentError, Dataset, FeatureLinear, PluginManager, RecipeError, Trainer, TrainingError
from textforge.data.gold import encode_labels

PLUGINS = PluginManager()
DATA, SETS = Dataset(train=make_texts(90)), Dataset(train=make_sets(90))
OPTIMIZERS = [
    {"use": "adam", "lr": 0.02},
    {"use": "rowwise-adagrad", "lr": 0.1},
    {"use": "sgd", "lr": 0.5, "sparse": True},
    {"use": "lookahead", "of": "sparse-adam"},
    {"use": "lbfgs", "max_iter": 3},
]


class Plain(nn.Module):
    """A linear layer over bags, with weights that each object draws anew from one seed."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = FeatureLinear(n_features, n_classes)

    def forward(self, batch: Any) -> torch.Tensor:
        scores: torch.Tensor = self.layer(batch)
        return scores


def optimizer(section: dict[str, Any]) -> Any:
    options = dict(section)
    return PLUGINS.part("optimizer", options.pop("use"), **options)


def features_of(dataset: Dataset, trainer: Trainer) -> Any:
    assert not isinstance(dataset.train, textforge.Stream)
    return trainer.vectorizer.transform(dataset.train[0])


@pytest.mark.parametrize("section", OPTIMIZERS, ids=[str(one["use"]) for one in OPTIMIZERS])
@pytest.mark.parametrize("dataset", [DATA, SETS], ids=["one label", "several"])
def test_it_comes_to_the_weights_of_a_trainer_bit_for_bit(section: dict[str, Any], dataset: Dataset) -> None:
    if section["use"] == "lookahead":
        section = {**section, "of": PLUGINS.part("optimizer", "sparse-adam", lr=0.05)}
    part = optimizer(section)
    trainer = Trainer(dataset, PLUGINS.part("vectorizer", "bow"), Plain, part, epochs=2, batch_size=32, seed=5)
    expected = trainer.fit().module.state_dict()
    features = features_of(dataset, trainer)
    assert not isinstance(dataset.train, textforge.Stream)
    module = Plain(features.n_features, len(trainer.labels))
    gold, n_classes = encode_labels(dataset.train[1], trainer.labels, "train"), len(trainer.labels)
    before = torch.get_rng_state()
    textforge.train_module(module, part, features, gold, n_classes=n_classes, epochs=2, batch_size=32, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    for name, weights in module.state_dict().items():
        assert torch.equal(weights, expected[name])
    assert not module.training


def bags() -> tuple[Any, Any]:
    trainer = Trainer(DATA, PLUGINS.part("vectorizer", "bow"), Plain, optimizer(OPTIMIZERS[0]), epochs=1)
    trainer.prepare()
    return features_of(DATA, trainer), np.arange(90) % 3


def test_texts_of_weight_0_change_nothing() -> None:
    features, gold = bags()
    weights = (np.arange(90) % 2).astype(np.float64)
    found = []
    for labels in (gold, np.where(weights > 0, gold, 0)):
        module = Plain(features.n_features, 3)
        textforge.train_module(module, optimizer(OPTIMIZERS[0]), features, labels, weights, n_classes=3, epochs=2)
        found.append(module.layer.weight.detach())
    assert torch.equal(*found)


def test_what_cannot_be_trained_says_why() -> None:
    features, gold = bags()
    with pytest.raises(RecipeError, match="optimizer 'muon': the model has no hidden weight matrix"):
        textforge.train_module(
            Plain(features.n_features, 3), PLUGINS.part("optimizer", "muon"), features, gold, n_classes=3
        )
    with pytest.raises(ComponentError, match="no parameters"):
        textforge.train_module(nn.Identity(), optimizer(OPTIMIZERS[0]), features, gold, n_classes=3)
    with pytest.raises(TrainingError, match="weights are not finite numbers after the last step"):
        textforge.train_module(
            Plain(features.n_features, 3), optimizer({"use": "adam", "lr": 1e39}), features, gold, n_classes=3,
            epochs=1, batch_size=90,
        )  # fmt: skip
    with pytest.raises(TrainingError, match="the loss became"):
        textforge.train_module(
            Plain(features.n_features, 3), optimizer({"use": "sgd", "lr": 1e38}), features, gold, n_classes=3
        )
