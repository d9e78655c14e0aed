"""The state of a training: plain, complete, and the same training goes on from it bit for bit."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import make_texts
from test_interrupts import SCENARIOS, outcome, trainer as of_scenario

import textforge
from textforge import ComponentError, Dataset, RecipeError, StepResult, Trainer

PARTS = textforge.PluginManager()


def through_files(state: dict[str, Any], folder: Path) -> Any:
    """Write a state as JSON and safetensors, and read it again."""
    from safetensors.torch import load_file, save_file

    tensors: dict[str, torch.Tensor] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            tensors[str(len(tensors))] = value.contiguous()
            return {"tensor": str(len(tensors) - 1)}
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value

    def again(value: Any) -> Any:
        if isinstance(value, dict):
            return read[value["tensor"]] if value.keys() == {"tensor"} else {k: again(v) for k, v in value.items()}
        return [again(item) for item in value] if isinstance(value, list) else value

    text = json.dumps(plain(state))
    save_file(tensors, folder / "tensors")
    read = load_file(folder / "tensors")
    return again(json.loads(text))


@pytest.mark.parametrize("at", [5, 12, 20])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_training_goes_on_from_a_state_bit_for_bit_also_in_mid_epoch(scenario: str, at: int, tmp_path: Path) -> None:
    states: list[Any] = []
    calls: list[StepResult] = []

    def on_step(done: StepResult) -> None:
        calls.append(done)
        if len(calls) == at:
            states.append(through_files(loop.state_dict(), tmp_path))

    loop = of_scenario(scenario, on_step=on_step)
    loop.fit()
    other = of_scenario(scenario)
    other.load_state_dict(states[0])
    assert outcome(other) != outcome(loop)
    other.fit()
    assert outcome(other) == outcome(loop)


def shipped(kind: str) -> list[str]:
    return [one.name for one in PARTS.components(kind) if one.origin.distribution == "textforge"]


@pytest.mark.parametrize("name", shipped("optimizer"))
def test_every_optimizer_goes_on_from_its_state(name: str, tmp_path: Path) -> None:
    options = {"of": PARTS.part("optimizer", "adagrad")} if name == "lookahead" else {}
    goes_on({"optimizer": PARTS.part("optimizer", name, **options)}, tmp_path)


@pytest.mark.parametrize("name", shipped("scheduler"))
def test_every_scheduler_goes_on_from_its_state(name: str, tmp_path: Path) -> None:
    goes_on({"scheduler": name, "validation": 0.2}, tmp_path)


def goes_on(given: dict[str, Any], folder: Path) -> None:
    """Check that a training with these components goes on from a state in mid-epoch."""
    states: list[Any] = []

    def on_step(done: StepResult) -> None:
        if (done.epoch, done.step) == (2, 3):
            states.append(through_files(whole.state_dict(), folder))

    given = {"model": PARTS.part("model", "mlp", hidden=[8, 8]), "epochs": 3, **given}
    whole, other = loop(**given, on_step=on_step), loop(**given)
    whole.fit()
    other.load_state_dict(states[0])
    other.fit()
    assert outcome(other) == outcome(whole)


def test_a_state_between_epochs_has_the_history_and_the_plan() -> None:
    loop = of_scenario("valid")
    next(iter(loop))
    loop.stop("tired")
    other = of_scenario("valid")
    other.load_state_dict(loop.state_dict())
    assert other.history == loop.history
    assert other.best == loop.best
    assert other.stop_reason == "tired"
    assert other.train() == []
    assert [one.number for one in other.train(epochs=1)] == [2]


def test_a_state_is_a_copy_in_both_directions() -> None:
    loop = of_scenario("accumulate")
    next(iter(loop))
    state = loop.state_dict()
    before = copy.deepcopy(state)
    loop.fit()
    other = of_scenario("accumulate")
    other.load_state_dict(state)
    other.fit()
    assert outcome(other) == outcome(loop)
    assert json.dumps(state, default=torch.Tensor.tolist) == json.dumps(before, default=torch.Tensor.tolist)


def test_the_state_of_a_model_that_fits_itself_is_its_weights() -> None:
    def loop() -> Trainer:
        return Trainer(Dataset(train=make_texts(40)), "bow", "complement-nb")

    fitted, other = loop(), loop()
    fitted.fit()
    other.load_state_dict(fitted.state_dict())
    assert other.finished
    texts = make_texts(20, seed=1)[0]
    assert (other.classifier().predict_proba(texts) == fitted.classifier().predict_proba(texts)).all()


def loop(**given: Any) -> Trainer:
    parts = {"vectorizer": "bow", "model": PARTS.part("model", "mlp", hidden=[8]), "optimizer": "adam"}
    return Trainer(Dataset(train=make_texts(given.pop("n", 40))), **{**parts, "epochs": 2, "batch_size": 8, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": 1}, "another seed: 0 there, 1 here"),
        ({"batch_size": 4}, "another batch_size: 8 there, 4 here"),
        ({"n": 50}, "another n_features"),
        ({"model": PARTS.part("model", "mlp", hidden=[9])}, "another module"),
        ({"model": "linear"}, "another module"),
        ({"scheduler": "constant"}, "another scheduler: None there, 'constant' here"),
        ({"ema": 0.9}, "another ema"),
    ],
)
def test_the_state_of_another_training_is_refused_before_anything_is_loaded(given: Any, message: str) -> None:
    state = loop().state_dict()
    other = loop(**given)
    before = copy.deepcopy(other.module.state_dict())
    with pytest.raises(RecipeError, match=f"load_state_dict: .*{message}"):
        other.load_state_dict(state)
    assert all(torch.equal(before[name], value) for name, value in other.module.state_dict().items())


@pytest.mark.parametrize("state", [{}, None, {"module": {}}])
def test_what_is_no_state_is_refused(state: Any) -> None:
    with pytest.raises(RecipeError, match=r"expected what Trainer\.state_dict\(\) returned"):
        loop().load_state_dict(state)


def test_a_state_with_other_objects_is_refused() -> None:
    class Odd(torch.nn.Module):
        def __init__(self, n_features: int, n_classes: int) -> None:
            super().__init__()
            self.layer = textforge.FeatureLinear(n_features, n_classes)

        def forward(self, batch: Any) -> torch.Tensor:
            return self.layer(batch)

        def get_extra_state(self) -> Any:
            return object()

        def set_extra_state(self, state: Any) -> None: ...

    with pytest.raises(ComponentError, match=r"state_dict: module\['_extra_state'\] is a object"):
        loop(model=Odd).state_dict()
