"""Optimizers against torch's own, bit for bit, and what leaving out torch's decorators is for."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from textforge import RecipeError
from textforge.plugins import PluginManager
from textforge_standard.adam import adam
from textforge_standard.adamw import adamw
from textforge_standard.sgd import sgd

CASES = [
    (adam, torch.optim.Adam, {}),
    (adam, torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1}),
    (adamw, torch.optim.AdamW, {}),
    (adamw, torch.optim.AdamW, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.3}),
    (sgd, torch.optim.SGD, {}),
    (sgd, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (sgd, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
]
ids = [f"{factory.__name__} {options or 'defaults'}" for factory, _, options in CASES]
all_cases = pytest.mark.parametrize(("factory", "reference", "options"), CASES, ids=ids)


def network():
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def train(model, optimizer, steps=7, start=0):
    """Some steps on data that depend on the number of the step."""
    for step in range(start, start + steps):
        generator = torch.Generator().manual_seed(step)
        x, y = torch.randn(12, 20, generator=generator), torch.randint(3, (12,), generator=generator)
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@all_cases
def test_steps_are_torchs_own_bit_for_bit(factory, reference, options):
    ours, theirs = network(), network()
    found = train(ours, factory(list(ours.parameters()), **options))
    # fused, as ours; what is not named is torch's default, which ours are held to by this
    expected = train(theirs, reference(theirs.parameters(), fused=True, **{"lr": _lr(factory), **options}))
    assert not equal(found, [p.detach() for p in network().parameters()])
    assert equal(found, expected)


def _lr(factory):
    import inspect

    return inspect.signature(factory).parameters["lr"].default


@all_cases
def test_steps_are_those_of_the_formula_as_torch_writes_it_out(factory, reference, options):
    # not fused and not over many tensors at once: another order of rounding, nothing else
    ours, theirs = network(), network()
    found = train(ours, factory(list(ours.parameters()), **options))
    plain = reference(theirs.parameters(), foreach=False, fused=False, **{"lr": _lr(factory), **options})
    for a, b in zip(found, train(theirs, plain), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@all_cases
def test_options_reach_torch_and_fused_is_on(factory, reference, options):
    optimizer = factory(list(network().parameters()), **options)
    assert isinstance(optimizer, reference)
    (group,) = optimizer.param_groups
    assert {name: group[name] for name in options} == options
    assert group["fused"] is True
    assert group["lr"] == options.get("lr", _lr(factory))


@all_cases
def test_a_saved_state_goes_on_where_it_was(factory, reference, options):
    straight = network()
    expected = train(straight, factory(list(straight.parameters()), **options), steps=6)
    first = network()
    optimizer = factory(list(first.parameters()), **options)
    train(first, optimizer, steps=3)
    second = network()
    second.load_state_dict(first.state_dict())
    resumed = factory(list(second.parameters()), **options)
    resumed.load_state_dict(optimizer.state_dict())
    assert equal(train(second, resumed, steps=3, start=3), expected)


def test_torchs_schedulers_drive_them():
    model = network()
    optimizer = adam(list(model.parameters()), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    train(model, optimizer, steps=1)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_a_step_records_no_gradients():
    model = network()
    optimizer = sgd(list(model.parameters()), lr=0.1)
    train(model, optimizer)
    assert all(parameter.is_leaf and parameter.grad_fn is None for parameter in model.parameters())


def test_torchs_own_classes_are_left_as_they_are():
    methods = {name: getattr(torch.optim.Adam, name) for name in ("zero_grad", "state_dict", "add_param_group")}
    adam(list(network().parameters()))
    assert {name: getattr(torch.optim.Adam, name) for name in methods} == methods


def test_a_training_step_does_not_import_torchs_compiler():
    program = """
import sys, torch
from textforge_standard import adam, adamw, sgd
for factory in (adam.adam, adamw.adamw, sgd.sgd):
    model = torch.nn.Linear(3, 2)
    optimizer = factory(list(model.parameters()), lr=0.1)
    optimizer.zero_grad(set_to_none=True)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    print(factory.__name__, [name for name in sys.modules if name.split(".")[:2] == ["torch", "_dynamo"]])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["adam []", "adamw []", "sgd []"], done.stderr


def test_nesterov_without_momentum_is_one_clear_error():
    with pytest.raises(RecipeError) as caught:
        PluginManager().part("optimizer", "sgd", nesterov=True)
    assert str(caught.value) == ("optimizer 'sgd': nesterov needs a momentum; set momentum, for instance to 0.9.")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("adam", {"lr": 0}),
        ("adam", {"lr": -1}),
        ("adam", {"betas": [0.9, 1.0]}),
        ("adam", {"betas": [0.9]}),
        ("adam", {"eps": 0}),
        ("adamw", {"weight_decay": -0.1}),
        ("sgd", {"momentum": 1.0}),
        ("sgd", {"betas": [0.9, 0.9]}),
        ("sgd", {"nesterov": "yes"}),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_built(name, options):
    checked, mistakes = PluginManager().component("optimizer", name).options.check(options)
    assert checked == {}
    ((place, message),) = mistakes
    assert next(iter(options)) in (*place, *message.split("'"))
