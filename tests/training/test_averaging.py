"""The moving average of the weights against a hand-written loop."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_texts
from torch import nn

import textforge
from textforge import Dataset, FeatureLinear, Trainer
from textforge.training.averaging import AveragedWeights

PARTS = textforge.PluginManager()


def by_hand(history: list[dict[str, torch.Tensor]], decay: float) -> dict[str, torch.Tensor]:
    """average := d average + (1 - d) weights, with d = min(decay, (1 + step) / (10 + step))."""
    average = {name: value.double() for name, value in history[0].items()}
    for step, weights in enumerate(history[1:], start=1):
        d = min(decay, (1 + step) / (10 + step))
        average = {name: d * average[name] + (1 - d) * weights[name].double() for name in average}
    return average


@pytest.mark.parametrize("decay", [0.1, 0.9, 0.999])
def test_the_average_is_that_of_a_plain_loop(decay: float) -> None:
    torch.manual_seed(0)
    module = nn.Linear(4, 3)
    history = [copy.deepcopy(module.state_dict())]
    averaged = AveragedWeights(module, decay)
    for _ in range(40):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter += torch.randn_like(parameter)
        history.append(copy.deepcopy(module.state_dict()))
        averaged.update()
    expected = by_hand(history, decay)
    with averaged.applied():
        for name, value in module.state_dict().items():
            torch.testing.assert_close(value.double(), expected[name], atol=1e-5, rtol=1e-4)


def test_outside_the_module_has_its_own_weights_also_after_an_error() -> None:
    module = nn.Linear(2, 2)
    averaged = AveragedWeights(module, 0.5)
    with torch.no_grad():
        module.weight.fill_(7)
    averaged.update()

    def fail() -> None:
        with averaged.applied():
            assert not (module.weight == 7).all()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert (module.weight == 7).all()


def test_what_is_no_weight_is_as_it_last_was() -> None:
    module = nn.BatchNorm1d(2)
    averaged = AveragedWeights(module, 0.9)
    module(torch.randn(8, 2))
    averaged.update()
    mean, count = module.running_mean.clone(), module.num_batches_tracked.clone()
    module.running_mean.zero_()
    with averaged.applied():
        assert torch.equal(module.running_mean, mean)
        assert torch.equal(module.num_batches_tracked, count)


def test_tied_weights_stay_tied() -> None:
    module = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    module[1].weight = module[0].weight
    averaged = AveragedWeights(module, 0.5)
    with averaged.applied():
        assert module[1].weight is module[0].weight


def test_a_state_that_is_no_tensor_is_left_alone() -> None:
    class Extra(nn.Linear):
        seen: Any = None

        def get_extra_state(self) -> Any:
            return {"n": 1}

        def set_extra_state(self, state: Any) -> None:
            self.seen = state

    module = Extra(2, 2)
    averaged = AveragedWeights(module, 0.5)
    averaged.update()
    with averaged.applied():
        assert module.seen == {"n": 1}


def loop(**settings: Any) -> Trainer:
    parts = [PARTS.part("vectorizer", "bow"), lambda n_features, n_classes: FeatureLinear(n_features, n_classes)]
    data = Dataset(train=make_texts(60), valid=make_texts(40, seed=4))
    optimizer = PARTS.part("optimizer", "sgd", lr=0.5)
    return Trainer(data, *parts, optimizer, epochs=3, batch_size=16, **settings)


def test_training_averages_each_update_and_keeps_the_average() -> None:
    history: list[dict[str, torch.Tensor]] = []
    trainer = loop(ema=0.9, accumulate=2, restore_best=False)
    trainer.prepare()
    history.append(copy.deepcopy(trainer.module.state_dict()))
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (step(), history.append(copy.deepcopy(trainer.module.state_dict())))
    classifier = trainer.fit()
    assert len(history) == 1 + 3 * 2
    expected = by_hand(history, 0.9)
    for name, value in classifier.module.state_dict().items():
        torch.testing.assert_close(value.double(), expected[name], atol=1e-6, rtol=1e-5)
    assert not torch.equal(trainer.module.weight, classifier.module.weight), "training goes on with its own"


def test_validation_measures_the_average_and_training_is_as_without() -> None:
    averaged, plain = loop(ema=0.9), loop()
    averaged.fit(), plain.fit()
    assert [e.train_loss for e in averaged.history] == [e.train_loss for e in plain.history]
    assert [e.valid["loss"] for e in averaged.history] != [e.valid["loss"] for e in plain.history]
    texts, labels = make_texts(40, seed=4)
    best = averaged.best
    found = averaged.classifier().evaluate(texts, labels)
    assert found["accuracy"] == best.valid["accuracy"]
    assert np.isfinite(best.valid["loss"])
