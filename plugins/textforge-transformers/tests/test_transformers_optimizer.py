"""Optimizer `layerwise-adamw`: each layer has the configured learning rate."""

from itertools import pairwise

import pytest
import torch
import transformers_tiny as tiny
from textforge import RecipeError
from torch import nn

from textforge_transformers.checkpoint import Checkpoint, Source
from textforge_transformers.layerwise_adamw import layerwise_adamw
from textforge_transformers.transformer_encoder import transformer_encoder


def model(**options) -> nn.Module:
    found = Checkpoint.find(Source(None, tiny.checkpoint(), None))
    return transformer_encoder(2, found.config(), found.weights(), **options)


def groups(module: nn.Module, **options) -> dict[str, tuple[float, float]]:
    """Map the name of each parameter to its learning rate and weight decay."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    optimizer = layerwise_adamw(list(module.parameters()), module, **options)
    told = [(names[id(p)], (g["lr"], g["weight_decay"])) for g in optimizer.param_groups for p in g["params"]]
    assert len(told) == len(dict(told))  # each once
    return dict(told)


def test_rates_shrink_from_the_highest_layer_down_and_the_head_has_its_own():
    found = groups(model(), lr=0.1, decay=0.5, head_lr=0.7, weight_decay=0.3)
    expected = {"encoder.layer.2.": 0.1, "encoder.layer.1.": 0.05, "encoder.layer.0.": 0.025, "embeddings.": 0.0125}
    for name, (rate, _) in found.items():
        if name.startswith("head."):
            assert rate == 0.7
        else:
            [wanted] = [one for start, one in expected.items() if name.startswith(f"encoder.{start}")]
            assert rate == pytest.approx(wanted), name
    assert set(found) == {name for name, _ in model().named_parameters()}


def test_biases_and_norms_have_no_weight_decay_and_all_else_has():
    for name, (_, decay) in groups(model(), weight_decay=0.3).items():
        assert decay == (0.0 if name.endswith("bias") or "LayerNorm" in name else 0.3), name


def test_without_decay_and_head_rate_all_rates_are_one():
    assert {rate for rate, _ in groups(model(), lr=0.3, decay=1.0).values()} == {0.3}


def test_frozen_parameters_are_left_out():
    found = groups(model(freeze=1))
    assert not [name for name in found if "embeddings" in name or "layer.0" in name]
    assert set(groups(model(freeze="all"))) == {"head.weight", "head.bias"}


def test_a_first_step_is_as_long_as_the_rates():
    module = model()
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    optimizer = layerwise_adamw(
        list(module.parameters()), module, lr=0.08, decay=0.5, head_lr=0.2, weight_decay=0.0, eps=1e-12
    )
    sum((value**2).sum() for value in module.parameters()).backward()
    optimizer.step()  # Adam's first step equals the learning rate, whatever the gradient
    moved = {name: (value - before[name]).abs().max().item() for name, value in module.named_parameters()}
    assert moved["encoder.encoder.layer.2.output.dense.weight"] == pytest.approx(0.08, rel=1e-3)
    assert moved["encoder.encoder.layer.0.output.dense.weight"] == pytest.approx(0.02, rel=1e-3)
    assert moved["encoder.embeddings.word_embeddings.weight"] == pytest.approx(0.01, rel=1e-3)
    assert moved["head.weight"] == pytest.approx(0.2, rel=1e-3)


def test_a_scheduler_keeps_the_proportions():
    from textforge_standard.schedulers.linear import linear

    module = model()
    optimizer = layerwise_adamw(list(module.parameters()), module, lr=0.1, decay=0.5)
    scheduler = linear(optimizer, 10, warmup=0.2)
    for _ in range(6):
        optimizer.step()
        scheduler.step()
    rates = sorted({group["lr"] for group in optimizer.param_groups})
    assert rates[-1] < 0.1
    assert [high / low for low, high in pairwise(rates)] == pytest.approx([2.0] * (len(rates) - 1))


@pytest.mark.parametrize("module", [nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))])
def test_a_model_without_layers_to_tell_apart_is_refused(module):
    with pytest.raises(RecipeError) as told:
        layerwise_adamw(list(module.parameters()), module)
    assert str(told.value) == (
        "optimizer 'layerwise-adamw': the model does not list its layers, as 'transformer-encoder' does. Use 'adamw'."
    )


def test_any_model_that_tells_its_depths_can_use_it():
    class Stack(nn.Sequential):
        def depths(self):
            return [list(layer.parameters()) for layer in self[:2]]

    module = Stack(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 3))
    rates = {name: rate for name, (rate, _) in groups(module, lr=1.0, decay=0.5, head_lr=3.0).items()}
    assert (rates["0.weight"], rates["1.weight"], rates["2.weight"]) == (0.5, 1.0, 3.0)
    assert torch.isfinite(module(torch.ones(1, 2))).all()
