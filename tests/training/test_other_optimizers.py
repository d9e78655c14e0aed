"""Optimizers with modes or closures: the same weights as by hand, and what cannot be combined."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import other_optimizers
import pytest
import torch
from conftest import ROOT, make_texts, real_posts
from hypothesis import given, settings as examples, strategies as st
from torch.optim import SGD, Optimizer

import textforge
from textforge import ComponentError, Dataset, RecipeError, StepResult, Trainer
from textforge.training.optimizer_state import continue_optimizer

sys.path.append(str(ROOT / "benchmarks"))

import optimizers

PARTS = textforge.PluginManager()
PARTS.register(other_optimizers)
TEXTS, LABELS = make_texts(48)
DATA = Dataset(train=(TEXTS, LABELS), valid=make_texts(20, seed=3), weights=[1.0, 0.5, 2.0] * 16)
MLP = PARTS.part("model", "mlp", hidden=[8], dropout=0.3, norm="batch")


def trainer(optimizer: Any, **settings: Any) -> Trainer:
    return Trainer(DATA, PARTS.part("vectorizer", "bow"), MLP, optimizer, **{"epochs": 2, "batch_size": 10, **settings})


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in module.state_dict().values()]


def equal(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


# -- the same weights as by hand -------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.parametrize("case", optimizers.CASES, ids=lambda case: f"{case.optimizer} {case.settings or ''}")
def test_saved_weights_are_those_of_a_loop_by_hand(case: optimizers.Case, corpus: Path) -> None:
    groups = ("comp.graphics", "sci.space")
    texts = [text for pair in zip(*(real_posts("train", group)[:60] for group in groups), strict=True) for text in pair]
    labels = [*groups] * 60
    data = Dataset(train=(texts[:100], labels[:100]), valid=(texts[100:], labels[100:]))
    difference, _ = optimizers.compare(
        case, data, PARTS.part("model", "mlp", hidden=[8]), epochs=3, batch_size=30, drop_last=True
    )
    assert difference <= 1e-6


class Repeating(SGD):
    """SGD that calls the closure some times, and uses the gradients of the last call."""

    def __init__(self, params: Any, calls: int) -> None:
        super().__init__(params, lr=0.1, momentum=0.9)
        self.calls = calls

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> None:  # type: ignore[override]
        losses = {float(closure()) for _ in range(self.calls)}
        assert len(losses) <= 1, "passes at the same weights have the same loss"
        super().step()


def repeating(calls: int, needs: bool | str = False) -> Any:
    def factory(params: Any) -> Optimizer:
        return Repeating(params, calls)

    factory.needs_closure = needs  # type: ignore[attr-defined]
    return factory


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulated and clipped": {"accumulate": 2, "clip_norm": 0.1},
    "averaged": {"ema": 0.5},
    "bfloat16": {"precision": "bfloat16", "accumulate": 3},
}


@pytest.mark.parametrize("calls", [0, 1, 3])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_repeated_passes_change_nothing(settings: dict[str, Any], calls: int) -> None:
    """Weights, running means of batch norm, dropout masks, losses and norms are those of plain steps, bit for bit."""
    seen: list[list[Any]] = [[], []]
    plain = trainer(lambda params: SGD(params, lr=0.1, momentum=0.9), on_step=seen[0].append, **settings)
    repeated = trainer(repeating(calls, False if calls else "after_gradients"), on_step=seen[1].append, **settings)
    for one in (plain, repeated):
        one.fit()
    assert equal(weights(plain.module), weights(repeated.module))
    assert equal(weights(plain.classifier().module), weights(repeated.classifier().module))
    assert [one.train_loss for one in plain.history] == [one.train_loss for one in repeated.history]
    losses = [[float(step.loss) for step in steps] for steps in seen]
    assert losses[0] == losses[1]
    assert [step.gradient_norm for step in seen[0]] == [step.gradient_norm for step in seen[1]]


# -- weights to keep -------------------------------------------------------------------------------


def schedule_free(**options: Any) -> Any:
    return PARTS.part("optimizer", "sgd-schedule-free", **options)


def test_a_classifier_has_the_weights_of_evaluation_mode_and_the_training_goes_on_from_its_own() -> None:
    kept: list[list[torch.Tensor]] = []
    trained: list[list[torch.Tensor]] = []

    def look(_: StepResult) -> None:
        trained.append(weights(observed.module))
        kept.append(weights(observed.classifier().module))
        assert equal(trained[-1], weights(observed.module))

    observed = trainer(schedule_free(), restore_best=False, on_step=look)
    alone = trainer(schedule_free(), restore_best=False)
    observed.fit()
    final = weights(alone.fit().module)
    assert equal(weights(observed.module), weights(alone.module)), "looking at it changes nothing"
    assert not any(equal(one, other) for one, other in zip(kept[1:], trained[1:], strict=True))
    for one, other in zip(kept[-1], final, strict=True):
        assert torch.equal(one, other)
    assert equal(final, weights(alone.module)), "after training, the module is in evaluation mode, too"


def test_the_moving_average_is_of_the_weights_of_evaluation_mode() -> None:
    steps: list[list[torch.Tensor]] = []
    plain = trainer(
        schedule_free(), epochs=1, restore_best=False, on_step=lambda _: steps.append(parameters(plain.classifier()))
    )
    average = parameters(plain.classifier())
    plain.fit()
    for number, now in enumerate(steps, start=1):
        decay = min(0.9, (1 + number) / (10 + number))
        average = [decay * mean + (1 - decay) * one for mean, one in zip(average, now, strict=True)]
    found = trainer(schedule_free(), epochs=1, restore_best=False, ema=0.9)
    for one, other in zip(parameters(found.fit()), average, strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(found.module.parameters(), plain.module.parameters(), strict=True):
        assert torch.equal(one, other), "averaging changes no step"


def parameters(classifier: textforge.Classifier) -> list[torch.Tensor]:
    return [one.detach().clone() for one in classifier.module.parameters()]


@examples(max_examples=5)
@given(st.lists(st.sampled_from(["step", "state", "classifier"]), min_size=1, max_size=6), st.integers(1, 3))
def test_checkpoints_and_classifiers_at_any_moment_change_nothing(looks: list[str], accumulate: int) -> None:
    wanted = iter(looks * 10)

    def look(_: StepResult) -> None:
        match next(wanted):
            case "state":
                other = trainer(schedule_free(), accumulate=accumulate)
                other.load_state_dict(observed.state_dict())
                assert equal(weights(other.module), weights(observed.module))
                assert equal(weights(other.classifier().module), weights(observed.classifier().module))
            case "classifier":
                observed.classifier()

    observed = trainer(schedule_free(), accumulate=accumulate, on_step=look)
    alone = trainer(schedule_free(), accumulate=accumulate)
    assert equal(weights(observed.fit().module), weights(alone.fit().module))


def test_an_optimizer_with_modes_continues_with_a_grown_vocabulary() -> None:
    def linear(n: int) -> tuple[torch.nn.Module, Any]:
        torch.manual_seed(0)
        module = torch.nn.Linear(n, 2)
        return module, schedule_free().build({"params": list(module.parameters())})

    module, old = linear(3)
    old.train()
    for _ in range(3):
        module(torch.ones(1, 3)).sum().backward()
        old.step()
    old.eval()
    larger, new = linear(5)
    before = weights(larger)
    continue_optimizer(new, larger, old.state_dict())
    assert equal(before, weights(larger))
    assert torch.equal(new.state[larger.weight]["z"][:, :3], old.state[module.weight]["z"])
    assert new.param_groups[0]["k"] == 3
    assert not new.param_groups[0]["train_mode"]


def test_the_curvature_of_lbfgs_begins_anew_with_a_grown_vocabulary() -> None:
    def linear(n: int) -> tuple[torch.nn.Module, Any]:
        module = torch.nn.Linear(n, 2)
        return module, PARTS.part("optimizer", "lbfgs").build({"params": list(module.parameters())})

    def step(module: torch.nn.Module, optimizer: Any) -> float:
        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = module(torch.eye(module.in_features)).square().sum()
            loss.backward()
            return loss.detach()

        return float(optimizer.step(closure))

    module, old = linear(3)
    step(module, old)
    same, again = linear(3)
    continue_optimizer(again, same, old.state_dict())
    assert torch.equal(again.state[same.weight]["d"], old.state[module.weight]["d"])
    larger, new = linear(5)
    continue_optimizer(new, larger, old.state_dict())
    assert "d" not in new.state[larger.weight]
    assert step(larger, new) > step(larger, new)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["lbfgs", "sam"])
def test_lookahead_refuses_an_optimizer_that_declares_a_closure_before_anything_runs(inner: str) -> None:
    with pytest.raises(RecipeError, match=f"'{inner}' needs a closure, which lookahead does not give. Use it alone"):
        PARTS.part("optimizer", "lookahead", of=PARTS.part("optimizer", inner))


@pytest.mark.parametrize(
    ("inner", "why"),
    [("adamw-schedule-free", r"has train\(\) and eval\(\)"), ("adamw-schedule-free-closure", "needs a closure")],
)
def test_lookahead_refuses_what_it_cannot_move_before_training(inner: str, why: str) -> None:
    part = PARTS.part("optimizer", "lookahead", of=PARTS.part("optimizer", inner))
    with pytest.raises(RecipeError, match=f"lookahead': of: optimizer '{inner}' {why}"):
        trainer(part).prepare()


def test_a_step_with_other_arguments_is_refused_before_training() -> None:
    class Odd(SGD):
        def step(self, closure: Any, scale: float, *, why: str) -> None:  # type: ignore[override]
            raise AssertionError

    with pytest.raises(ComponentError, match=r"the optimizer: its step\(\) needs the arguments scale, why"):
        trainer(lambda params: Odd(params, lr=0.1)).prepare()


def test_a_wrong_declaration_is_refused_before_training() -> None:
    with pytest.raises(ComponentError, match=r"needs_closure is 'sometimes'. Set it to True, or to 'after_gradients'"):
        trainer(repeating(1, "sometimes")).prepare()


def test_a_closure_that_is_never_called_is_an_error() -> None:
    with pytest.raises(ComponentError, match="needs a closure, but its step did not call it"):
        trainer(repeating(0)).fit()


def test_an_error_in_a_mode_names_the_optimizer() -> None:
    class Failing(SGD):
        def train(self) -> None:
            raise ValueError("no weights")

        def eval(self) -> None:
            raise AssertionError

    with pytest.raises(ComponentError, match=r"the optimizer.*switching to training.*no weights"):
        trainer(lambda params: Failing(params, lr=0.1)).fit()


def test_a_part_says_whether_it_needs_a_closure() -> None:
    assert PARTS.part("optimizer", "lbfgs").needs_closure is True
    assert PARTS.part("optimizer", "sam").needs_closure == "after_gradients"
    assert PARTS.part("optimizer", "adam").needs_closure is False
