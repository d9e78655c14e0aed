"""Optimizers against torch's own, bit for bit, and what leaving out torch's decorators is for."""

import inspect
import subprocess
import sys

import pytest
import torch
from conftest import shipped
from torch import nn

from textforge import FeatureLinear, RecipeError
from textforge.components.manager import PluginManager
from textforge_standard.optimizers.adadelta import adadelta
from textforge_standard.optimizers.adafactor import adafactor
from textforge_standard.optimizers.adagrad import adagrad
from textforge_standard.optimizers.adam import adam
from textforge_standard.optimizers.adamax import adamax
from textforge_standard.optimizers.adamw import adamw
from textforge_standard.optimizers.asgd import asgd
from textforge_standard.optimizers.lbfgs import lbfgs
from textforge_standard.optimizers.muon import muon
from textforge_standard.optimizers.nadam import nadam
from textforge_standard.optimizers.radam import radam
from textforge_standard.optimizers.rmsprop import rmsprop
from textforge_standard.optimizers.rowwise_adagrad import rowwise_adagrad
from textforge_standard.optimizers.rprop import rprop
from textforge_standard.optimizers.sgd import sgd
from textforge_standard.optimizers.sparse_adam import sparse_adam

CASES = [
    (adadelta, torch.optim.Adadelta, {}),
    (adadelta, torch.optim.Adadelta, {"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1}),
    (adafactor, torch.optim.Adafactor, {}),
    (
        adafactor,
        torch.optim.Adafactor,
        {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-10, 0.01), "d": 2.0, "weight_decay": 0.1},
    ),
    (adagrad, torch.optim.Adagrad, {}),
    (
        adagrad,
        torch.optim.Adagrad,
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2, "eps": 1e-6},
    ),
    (adam, torch.optim.Adam, {}),
    (adam, torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True}),
    (adamax, torch.optim.Adamax, {}),
    (adamax, torch.optim.Adamax, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1}),
    (adamw, torch.optim.AdamW, {}),
    (adamw, torch.optim.AdamW, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.3, "amsgrad": True}),
    (asgd, torch.optim.ASGD, {}),
    (asgd, torch.optim.ASGD, {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 2.0, "weight_decay": 0.1}),
    (nadam, torch.optim.NAdam, {}),
    (
        nadam,
        torch.optim.NAdam,
        {
            "lr": 0.01,
            "betas": (0.8, 0.99),
            "eps": 1e-6,
            "weight_decay": 0.1,
            "momentum_decay": 0.01,
            "decoupled_weight_decay": True,
        },
    ),
    (radam, torch.optim.RAdam, {}),
    (
        radam,
        torch.optim.RAdam,
        {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    (rmsprop, torch.optim.RMSprop, {}),
    (
        rmsprop,
        torch.optim.RMSprop,
        {"lr": 0.02, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1, "momentum": 0.5, "centered": True},
    ),
    (rprop, torch.optim.Rprop, {}),
    (rprop, torch.optim.Rprop, {"lr": 0.02, "etas": (0.4, 1.3), "step_sizes": (1e-5, 0.1)}),
    (sgd, torch.optim.SGD, {}),
    (sgd, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    (sgd, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
]
FUSED = (adam, adamw, sgd)
ALL = (
    adadelta, adafactor, adagrad, adam, adamax, adamw, asgd, lbfgs,
    muon, nadam, radam, rmsprop, rowwise_adagrad, rprop, sgd, sparse_adam,
)  # fmt: skip
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
    # fused where ours are; what is not named is torch's default, which ours are held to by this
    fused = {"fused": True} if factory in FUSED else {}
    expected = train(theirs, reference(theirs.parameters(), **fused, **{"lr": _lr(factory), **options}))
    assert not equal(found, [p.detach() for p in network().parameters()])
    assert equal(found, expected)


def _lr(factory):
    return inspect.signature(factory).parameters["lr"].default


@all_cases
def test_steps_are_those_of_the_formula_as_torch_writes_it_out(factory, reference, options):
    # not fused and not over many tensors at once: another order of rounding, nothing else
    ours, theirs = network(), network()
    found = train(ours, factory(list(ours.parameters()), **options))
    slow = {"foreach": False, "fused": False} if factory in FUSED else {"foreach": False}
    plain = reference(theirs.parameters(), **slow, **{"lr": _lr(factory), **options})
    for a, b in zip(found, train(theirs, plain), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@all_cases
def test_options_reach_torch_and_fused_is_on_where_it_is_the_quickest(factory, reference, options):
    optimizer = factory(list(network().parameters()), **options)
    assert isinstance(optimizer, reference)
    (group,) = optimizer.param_groups
    assert {name: group[name] for name in options} == options
    assert group.get("fused") in ((True,) if factory in FUSED else (None,))
    assert group["lr"] == options.get("lr", _lr(factory))


@all_cases
def test_every_option_of_torchs_that_is_about_learning_is_offered_with_its_default(factory, reference, options):
    ours, theirs = (
        {n: p.default for n, p in inspect.signature(f).parameters.items() if p.kind is not p.POSITIONAL_ONLY}
        for f in (factory, reference)
    )
    how = {"params", "foreach", "fused", "capturable", "differentiable", "maximize"}  # to compute, not to learn
    how |= {"decoupled_weight_decay"} if factory is adam else set()  # which is adamw
    ours.pop("sparse", None)  # torch goes by the gradients it gets
    assert set(ours) == set(theirs) - how
    theirs["lr"] = ours["lr"] if factory is sgd else theirs["lr"]  # torch's default has changed over time
    assert ours == {name: theirs[name] for name in ours}


@all_cases
def test_the_loss_falls(factory, reference, options):
    # a whole data set in each batch, which is what rprop asks for
    model = network()
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 20, generator=generator), torch.randint(3, (60,), generator=generator)
    optimizer = factory(list(model.parameters()), **options)
    losses = []
    for _ in range(40):
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.005  # adadelta takes small steps at first


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


@pytest.mark.slow
def test_a_training_step_does_not_import_torchs_compiler():
    program = """
import sys, torch
from textforge.features.layers import FeatureLinear
from textforge.features.batch import RaggedBatch
from textforge.components.manager import PluginManager
for name in sys.argv[1:]:
    words = torch.nn.EmbeddingBag(5, 4, sparse=name in ("rowwise-adagrad", "sparse-adam"))
    model = torch.nn.Sequential(words, torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    part = PluginManager().part("optimizer", name)
    optimizer = part.build({"params": list(model.parameters()), "module": model})
    for step in range(2):
        def closure():
            optimizer.zero_grad(set_to_none=True)
            loss = model(torch.tensor([[0, 1]])).sum()
            loss.backward()
            return loss.detach()
        closure()
        optimizer.step(closure) if part.needs_closure else optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    print(name, [name for name in sys.modules if name.split(".")[:2] == ["torch", "_dynamo"]])
"""
    names = [factory.__name__.replace("_", "-") for factory in ALL]
    done = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, timeout=120)
    expected = [f"{name} []" for name in names]
    assert done.stdout.splitlines() == expected, done.stderr


@pytest.mark.parametrize(
    "options", [{}, {"lr": 0.5, "max_iter": 4, "max_eval": 9, "tolerance_grad": 0.1, "tolerance_change": 0.01}]
)
@pytest.mark.parametrize("line_search_fn", ["strong_wolfe", None])
def test_lbfgs_is_torchs_own_bit_for_bit(options, line_search_fn):
    def trained(make, **more):
        model = network()
        optimizer = make(list(model.parameters()), line_search_fn=line_search_fn, **more, **options)
        generator = torch.Generator().manual_seed(0)
        x, y = torch.randn(60, 20, generator=generator), torch.randint(3, (60,), generator=generator)

        def closure():
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            return loss.detach()

        losses = [float(optimizer.step(closure)) for _ in range(3)]
        assert line_search_fn is None or losses[-1] < losses[0]
        return [parameter.detach() for parameter in model.parameters()]

    assert equal(trained(lbfgs), trained(torch.optim.LBFGS, history_size=10))


def test_lbfgs_has_torchs_options_and_defaults_but_for_the_two_that_its_documentation_names():
    ours, theirs = (inspect.signature(one).parameters for one in (lbfgs, torch.optim.LBFGS))
    assert set(ours) == set(theirs)
    other = {name for name in ours if name != "params" and ours[name].default != theirs[name].default}
    assert other == {"history_size", "line_search_fn"}


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


def test_each_is_offered_with_a_schema_and_a_line_on_every_option():
    own = [factory.__name__.replace("_", "-") for factory in ALL]
    assert set(shipped().names("optimizer")) == {*own, "lookahead"}
    for component in shipped().components("optimizer"):
        schema, _ = component.options.json_schema(component.name)
        assert all(option["description"] for option in schema["properties"].values()), component.name
        assert ("lr" if component.name in own else "of") in schema["properties"]


def test_a_torch_that_lacks_an_optimizer_is_reported(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(RecipeError, match=r"optimizer 'muon': torch 2\..* has no torch.optim.Muon. Install a newer"):
        muon([], network())


# -- two optimizers in one ---------------------------------------------------------------------


def bag_network(sparse=False):
    """An embedding of 9 words, two hidden layers and an output layer."""
    model = nn.Sequential(
        nn.EmbeddingBag(9, 8, mode="sum", sparse=sparse), nn.Linear(8, 7), nn.Linear(7, 6), nn.Linear(6, 3)
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    return model


def bag_train(model, *optimizers, steps=5, start=0):
    for step in range(start, start + steps):
        generator = torch.Generator().manual_seed(step)
        x, y = torch.randint(9, (7, 4), generator=generator), torch.randint(3, (7,), generator=generator)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x), y).backward()
        for optimizer in optimizers:
            optimizer.step()
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


MUON = {"lr": 0.02, "weight_decay": 0.2, "momentum": 0.9, "nesterov": False, "ns_steps": 4, "eps": 1e-6}
MUON |= {"adjust_lr_fn": "match_rms_adamw", "ns_coefficients": (3.0, -4.0, 2.0)}
ADAMW = {"lr": 0.005, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1}


@pytest.mark.parametrize(("inner", "outer"), [({}, {}), (MUON, ADAMW)])
def test_muon_is_torchs_on_hidden_matrices_and_adamw_on_all_else(inner, outer):
    ours, theirs = bag_network(), bag_network()
    found = bag_train(
        ours,
        muon(list(ours.parameters()), ours, **inner, **{f"adamw_{name}": value for name, value in outer.items()}),
    )
    hidden = [theirs[1].weight, theirs[2].weight]
    others = [p for p in theirs.parameters() if all(p is not matrix for matrix in hidden)]
    expected = bag_train(
        theirs,
        torch.optim.Muon(hidden, **inner),
        torch.optim.AdamW(others, fused=True, **outer),
    )
    assert same(found, expected)


def test_muon_leaves_the_first_layer_over_features_to_adamw():
    model = nn.Sequential(FeatureLinear(9, 5), nn.Linear(5, 4), nn.Linear(4, 3))
    optimizer = muon(list(model.parameters()), model)
    assert [[tuple(p.shape) for p in group["params"]] for group in optimizer.param_groups] == [
        [(4, 5)],
        [(9, 5), (5,), (4,), (3, 4), (3,)],
    ]


@pytest.mark.parametrize("model", [FeatureLinear(9, 3), nn.Sequential(FeatureLinear(9, 5), nn.Linear(5, 3))])
def test_muon_without_a_hidden_matrix_is_one_clear_error(model):
    with pytest.raises(RecipeError, match=r"optimizer 'muon': the model has no hidden weight matrix .* Use 'adamw'."):
        muon(list(model.parameters()), model)


@pytest.mark.parametrize("factory", [muon, sparse_adam, rowwise_adagrad])
def test_two_in_one_go_on_from_a_saved_state_and_obey_a_scheduler(factory):
    def made(model):
        optimizer = factory(list(model.parameters()), model, lr=0.01)
        return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)

    def some(model, optimizer, scheduler, start):
        for step in range(start, start + 3):
            last = bag_train(model, optimizer, steps=1, start=step)
            scheduler.step()
        return last

    sparse = factory is not muon
    straight, first, second = bag_network(sparse), bag_network(sparse), bag_network(sparse)
    of_straight = made(straight)
    some(straight, *of_straight, start=0)
    expected = some(straight, *of_straight, start=3)
    of_first = made(first)
    some(first, *of_first, start=0)
    second.load_state_dict(first.state_dict())
    of_second = made(second)
    for one, saved in zip(of_second, of_first, strict=True):
        one.load_state_dict(saved.state_dict())
    assert same(some(second, *of_second, start=3), expected)
    assert of_second[0].param_groups[0]["lr"] == pytest.approx(0.01 / 2**6)
    constant = bag_network(sparse)
    assert not same(bag_train(constant, factory(list(constant.parameters()), constant, lr=0.01), steps=6), expected)
