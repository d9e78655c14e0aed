"""Learning-rate curves against their formulas, with every optimizer."""

import math
import subprocess
import sys

import pytest
import torch
from conftest import shipped
from hypothesis import given, strategies as st
from torch import nn

from textforge import RecipeError

PLUGINS = shipped()
PEAK = 0.4


def scheduler(name, optimizer, total=20, per_epoch=5, mode="min", **options):
    facts = {"optimizer": optimizer, "total_steps": total, "steps_per_epoch": per_epoch, "monitor_mode": mode}
    return PLUGINS.part("scheduler", name, **options).build(facts)


def optimizer_named(name="sgd", **options):
    model = nn.Sequential(
        nn.EmbeddingBag(5, 4, sparse=name in ("rowwise-adagrad", "sparse-adam")), nn.Linear(4, 4), nn.Linear(4, 2)
    )
    built = PLUGINS.part("optimizer", name, **options).build({"params": list(model.parameters()), "module": model})
    return model, built


def curve(name, total=20, per_epoch=5, **options):
    """The rate of each step of a training."""
    _, optimizer = optimizer_named(lr=PEAK)
    made = scheduler(name, optimizer, total, per_epoch, **options)
    rates = []
    for step in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < total:
            made.step()
    return rates


def risen(step, warmup):
    return PEAK * (step + 1) / (warmup + 1)


def test_constant_rises_and_stays():
    assert curve("constant") == [PEAK] * 20
    assert curve("constant", warmup=0.25) == pytest.approx([risen(n, 5) for n in range(5)] + [PEAK] * 15)


def test_linear_rises_and_falls_to_its_floor():
    expected = [risen(n, 4) for n in range(4)] + [PEAK * (1 - 0.9 * n / 16) for n in range(16)]
    assert curve("linear", warmup=0.2, floor=0.1) == pytest.approx(expected)
    assert curve("linear") == pytest.approx([PEAK * (1 - n / 20) for n in range(20)])


def test_cosine_rises_and_falls_to_its_floor():
    falling = [PEAK * (0.1 + 0.9 * (1 + math.cos(math.pi * n / 16)) / 2) for n in range(16)]
    assert curve("cosine", warmup=0.2, floor=0.1) == pytest.approx([risen(n, 4) for n in range(4)] + falling)


@given(total=st.integers(1, 50), warmup=st.floats(0, 1, exclude_max=True), floor=st.floats(0, 1))
@pytest.mark.parametrize("name", ["constant", "linear", "cosine"])
def test_any_warmup_rises_to_the_peak_and_never_beyond(name, total, warmup, floor):
    options = {"warmup": warmup} if name == "constant" else {"warmup": warmup, "floor": floor}
    rates = curve(name, total, **options)
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(PEAK)
    assert min(rates) > 0
    assert top == min(round(warmup * total), total - 1)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    last = rates[-1]
    assert last >= PEAK * (1 if name == "constant" else floor) - 1e-9 or top == total - 1


@pytest.mark.parametrize("anneal", ["cos", "linear"])
def test_one_cycle_goes_up_and_down(anneal):
    def between(start, end, share):
        return end + (start - end) * ((1 + math.cos(math.pi * share)) / 2 if anneal == "cos" else 1 - share)

    rates = curve("one-cycle", warmup=0.3, anneal=anneal, div_factor=10.0, final_div_factor=100.0)
    rise = [between(PEAK / 10, PEAK, n / 5) for n in range(6)]  # 0.3 * 20 steps: the peak is at the sixth
    fall = [between(PEAK, PEAK / 1000, n / 14) for n in range(1, 15)]
    assert rates == pytest.approx(rise + fall)


def test_one_cycle_moves_a_momentum_that_there_is_and_adds_none():
    def momenta(name, **options):
        _, optimizer = optimizer_named(name, lr=0.1, **options)
        made = scheduler("one-cycle", optimizer)
        (group, *_) = optimizer.param_groups
        found = []
        for _ in range(20):
            found.append(group["momentum"] if "momentum" in group else group["betas"][0])
            optimizer.step()
            made.step()
        return found

    for name, options in (("sgd", {"momentum": 0.9}), ("adam", {}), ("rmsprop", {"momentum": 0.5})):
        assert (momenta(name, **options)[0], min(momenta(name, **options))) == pytest.approx((0.95, 0.85))
    for name in ("sgd", "rmsprop"):
        assert momenta(name) == [0.0] * 20


def test_one_cycle_leaves_the_momentum_where_it_is_reported_to():
    _, optimizer = optimizer_named("sgd", lr=0.1, momentum=0.9)
    made = scheduler("one-cycle", optimizer, momentum=None)
    optimizer.step()
    made.step()
    assert optimizer.param_groups[0]["momentum"] == 0.9


@given(total=st.integers(1, 12), warmup=st.floats(0.01, 0.99))
def test_one_cycle_of_few_steps_is_whole_or_refused(total, warmup):
    if warmup * total <= 1:
        with pytest.raises(RecipeError, match=r"is no more than one step\. Train for more epochs"):
            curve("one-cycle", total, warmup=warmup)
    else:
        assert max(curve("one-cycle", total, warmup=warmup)) <= PEAK + 1e-9


def test_step_falls_every_so_many_epochs():
    assert curve("step", every=2, gamma=0.5) == pytest.approx([PEAK] * 10 + [PEAK / 2] * 10)


def test_exponential_leaves_gamma_after_each_epoch():
    assert curve("exponential", gamma=0.5) == pytest.approx([PEAK * 0.5 ** (n / 5) for n in range(20)])


@pytest.mark.parametrize(("mode", "figures"), [("min", [1, 0.5, 0.6, 0.6, 0.6]), ("max", [0.1, 0.5, 0.4, 0.4, 0.4])])
def test_plateau_falls_after_epochs_that_are_no_better(mode, figures):
    _, optimizer = optimizer_named(lr=PEAK)
    made = scheduler("plateau", optimizer, mode=mode, factor=0.5, patience=1, min_lr=0.15)
    rates = []
    for figure in [*figures, *[figures[-1]] * 4]:
        optimizer.step()
        made.step(figure)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([PEAK, PEAK, PEAK, PEAK / 2, PEAK / 2, 0.15, 0.15, 0.15, 0.15])
    assert isinstance(made, torch.optim.lr_scheduler.ReduceLROnPlateau)


@pytest.mark.parametrize("optimizer", PLUGINS.names("optimizer"))
@pytest.mark.parametrize("name", PLUGINS.names("scheduler"))
def test_every_scheduler_drives_every_optimizer(name, optimizer):
    wrapped = {"of": PLUGINS.part("optimizer", "adam", lr=0.01)}
    model, built = optimizer_named(optimizer, **(wrapped if optimizer == "lookahead" else {"lr": 0.01}))
    made = scheduler(name, built, 6, 2, **({"every": 1} if name == "step" else {}))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    lrs = set()

    def closure():
        built.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(torch.tensor([[0, 1], [2, 3]])), torch.tensor([0, 1]))
        loss.backward()
        return loss

    for _ in range(5):
        closure()
        built.step(*[closure] if optimizer == "lbfgs" else [])
        made.step(1.0) if name == "plateau" else made.step()
        lrs.add(built.param_groups[-1]["lr"])
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    assert not torch.equal(before[-1], model[-1].bias)
    assert len(lrs) == 1 if name == "constant" else len(lrs) > 1


@pytest.mark.slow
def test_schedulers_do_not_import_torchs_compiler():
    program = """
import sys, torch
from textforge.components.manager import PluginManager
for name in sys.argv[1:]:
    model = torch.nn.Linear(3, 2)
    optimizer = PluginManager().part("optimizer", "sgd").build({"params": list(model.parameters()), "module": model})
    facts = {"optimizer": optimizer, "total_steps": 20, "steps_per_epoch": 5, "monitor_mode": "min"}
    scheduler = PluginManager().part("scheduler", name).build(facts)
    optimizer.step()
    scheduler.step(1.0) if name == "plateau" else scheduler.step()
print([name for name in sys.modules if name.split(".")[:2] == ["torch", "_dynamo"]])
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *PLUGINS.names("scheduler")], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_each_has_a_schema_and_a_line_on_every_option():
    assert PLUGINS.names("scheduler") == ["constant", "cosine", "exponential", "linear", "one-cycle", "plateau", "step"]
    for component in PLUGINS.components("scheduler"):
        schema, _ = component.options.json_schema(component.name)
        assert all(option["description"] for option in schema["properties"].values())


def test_momentum_the_wrong_way_round_is_refused():
    with pytest.raises(RecipeError, match="momentum must be the lowest, then the highest"):
        PLUGINS.part("scheduler", "one-cycle", momentum=[0.95, 0.85])
