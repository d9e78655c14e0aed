"""A training that was interrupted, at whatever moment, goes on as one that was not: bit for bit."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import other_optimizers
import pytest
import torch
from conftest import make_texts
from hypothesis import given, settings as examples, strategies as st

import textforge
from textforge import ComponentError, Dataset, Stream, Trainer, TrainingError

PARTS = textforge.PluginManager()
PARTS.register(other_optimizers)
TEXTS, LABELS = make_texts(90)
VALID = make_texts(30, seed=3)
CHUNKS = [(TEXTS[n : n + 25], LABELS[n : n + 25]) for n in range(0, 90, 25)]


class Interrupts:
    """Raises at the given calls; components of one training share it."""

    def __init__(self, *at: int) -> None:
        self.at, self.calls = set(at), 0

    def __call__(self, *_: Any) -> None:
        self.calls += 1
        if self.calls in self.at:
            raise KeyboardInterrupt


def part(kind: str, name: str, **options: Any) -> Any:
    return PARTS.part(kind, name, **options)


MLP = part("model", "mlp", hidden=[8], dropout=0.3, norm="batch")
SCENARIOS: dict[str, dict[str, Any]] = {
    "plain": {},
    "one-cycle": {"scheduler": part("scheduler", "one-cycle")},
    "accumulate": {"accumulate": 3, "ema": 0.9, "clip_norm": 0.5},
    "plateau": {"scheduler": part("scheduler", "plateau", patience=0), "valid": True},
    "valid": {"valid": True, "ema": 0.5},
    "bucketed": {"bucket_by_length": True, "drop_last": True},
    "sparse": {"optimizer": part("optimizer", "sparse-adam"), "model": part("model", "linear"), "accumulate": 2},
    "stream": {"stream": True},
    "weighted": {"weights": [1.0, 0.5, 2.0] * 30, "loss": part("loss", "focal"), "accumulate": 2},
    "lookahead": {"optimizer": part("optimizer", "lookahead", of=part("optimizer", "adam"), steps=3)},
    "sgd": {"optimizer": part("optimizer", "sgd", momentum=0.9, nesterov=True)},
    "muon": {
        "optimizer": part("optimizer", "muon"),
        "model": part("model", "mlp", hidden=[8, 8]),
        "precision": "bfloat16",
    },
    "schedule-free": {"optimizer": part("optimizer", "adamw-schedule-free"), "valid": True, "accumulate": 2},
    "schedule-free-ema": {"optimizer": part("optimizer", "sgd-schedule-free", lr=0.1), "ema": 0.5},
    "lbfgs": {"optimizer": part("optimizer", "lbfgs", max_iter=2), "accumulate": 2},
    "sam": {"optimizer": part("optimizer", "sam", lr=0.1), "accumulate": 3, "ema": 0.9, "clip_norm": 0.5},
}


def trainer(
    scenario: str, *, forward: Any = None, updated: Any = None, on_step: Any = None, metric: Any = None
) -> Trainer:
    """A trainer that calls a function in each forward pass, after each update of the weights, and after each step."""
    given = {"optimizer": part("optimizer", "adam", lr=0.02), "model": MLP, "scheduler": None, **SCENARIOS[scenario]}
    stream, valid, weights = given.pop("stream", False), given.pop("valid", False), given.pop("weights", None)
    model, optimizer = given.pop("model"), given.pop("optimizer")

    def hooked_model(n_features: int, n_classes: int, multi_label: bool, seed: int) -> torch.nn.Module:
        facts = {"n_features": n_features, "n_classes": n_classes, "multi_label": multi_label, "seed": seed}
        module: torch.nn.Module = model.build(facts)
        if forward is not None:
            module.register_forward_hook(lambda *_: forward())
        return module

    def hooked_optimizer(params: Any, module: Any) -> torch.optim.Optimizer:
        made: torch.optim.Optimizer = optimizer.build({"params": params, "module": module})
        if updated is not None:
            made.register_step_post_hook(lambda *_: updated())
        return made

    hooked_optimizer.needs_closure = optimizer.needs_closure  # type: ignore[attr-defined]
    hooked_optimizer.sparse_gradients = optimizer.takes_sparse_gradients  # type: ignore[attr-defined]
    train = Stream(len(CHUNKS), lambda n: CHUNKS[n]) if stream else (TEXTS, LABELS)
    return Trainer(
        Dataset(train=train, valid=VALID if valid else None, weights=weights),
        part("vectorizer", "bow"), hooked_model, hooked_optimizer,
        metrics={"hooked": metric} if metric else {},
        epochs=3, batch_size=8, on_step=on_step, **given,
    )  # fmt: skip


def outcome(loop: Trainer) -> Any:
    """Everything that an interrupt could change."""
    tensors = [*loop.classifier().module.state_dict().values(), *loop.module.state_dict().values()]
    return (
        hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest(),
        loop.learning_rate,
        [(one.number, one.train_loss, one.valid, one.best, one.steps) for one in loop.history],
    )


def finish(loop: Trainer) -> int:
    """Train to the end, and begin to iterate again after each interrupt; the number of interrupts."""
    for interrupts in itertools.count():
        try:
            for _ in loop:
                pass
        except KeyboardInterrupt:
            continue
        return interrupts
    raise AssertionError


WHOLE: dict[str, Any] = {}


def whole(scenario: str) -> Any:
    if scenario not in WHOLE:
        loop = trainer(scenario)
        loop.fit()
        WHOLE[scenario] = outcome(loop)
    return WHOLE[scenario]


@pytest.mark.parametrize("place", ["forward", "updated", "on_step"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_interrupt_in_mid_epoch_changes_nothing(scenario: str, place: str) -> None:
    interrupts = Interrupts(2, 5, 18)
    loop = trainer(scenario, **{place: interrupts})
    assert finish(loop) >= 2, "a scenario that accumulates has few updates"
    assert outcome(loop) == whole(scenario)


@examples(max_examples=8)
@given(st.sets(st.integers(1, 60), max_size=5), st.sampled_from(["one-cycle", "accumulate", "valid", "stream"]))
def test_interrupts_at_any_moments_change_nothing(at: set[int], scenario: str) -> None:
    interrupts = Interrupts(*at)
    loop = trainer(scenario, forward=interrupts, updated=interrupts, on_step=interrupts)
    finish(loop)
    assert outcome(loop) == whole(scenario)


def test_an_interrupted_validation_is_repeated() -> None:
    interrupts = Interrupts(3)  # the first call tries the metric out
    loop = trainer("valid", metric=lambda gold, probabilities: (interrupts(), 0.5)[1])
    assert finish(loop) == 1
    plain = trainer("valid", metric=lambda gold, probabilities: 0.5)
    plain.fit()
    assert outcome(loop) == outcome(plain)


def test_an_exception_of_on_step_goes_on_with_the_next_step() -> None:
    steps: list[tuple[int, int]] = []

    def on_step(done: textforge.StepResult) -> None:
        steps.append((done.epoch, done.step))
        if len(steps) == 5:
            raise LookupError("no")

    loop = trainer("plain", on_step=on_step)
    with pytest.raises(LookupError):
        loop.fit()
    loop.fit()
    assert steps == [(epoch, step) for epoch in (1, 2, 3) for step in range(1, 13)], "no step is repeated"


def test_a_classifier_after_an_interrupt_has_the_weights_of_the_epochs_start() -> None:
    interrupts = Interrupts(15)
    loop = trainer("plain", updated=interrupts)
    first = next(iter(loop))
    with pytest.raises(KeyboardInterrupt):
        loop.fit()
    plain = trainer("plain")
    assert next(iter(plain)).train_loss == first.train_loss
    for one, other in zip(loop.classifier().module.parameters(), plain.classifier().module.parameters(), strict=True):
        assert torch.equal(one, other)


def test_without_the_copy_an_interrupt_within_a_step_is_no_silent_fault() -> None:
    loop = trainer("plain", updated=Interrupts(5))
    loop.repeatable = False
    with pytest.raises(KeyboardInterrupt):
        loop.fit()
    with pytest.raises(TrainingError, match=r"interrupted within a step.*repeatable is off"):
        loop.fit()


def test_a_scheduler_without_state_cannot_go_back_to_the_epochs_start() -> None:
    class Halving:
        def __init__(self, optimizer: torch.optim.Optimizer) -> None:
            self.optimizer = optimizer

        def step(self) -> None:
            for group in self.optimizer.param_groups:
                group["lr"] /= 2

    data, model = Dataset(train=(TEXTS, LABELS)), part("model", "linear")
    loop = Trainer(data, "bow", model, "adam", scheduler=Halving, epochs=1)
    loop.fit()
    assert loop.learning_rate < 0.01
    with pytest.raises(ComponentError, match=r"the scheduler has no state_dict\(\)"):
        loop.state_dict()


def test_a_model_that_fits_itself_is_built_again_after_an_interrupt() -> None:
    interrupts = Interrupts(1)

    class Fits(torch.nn.Module):
        def __init__(self, n_classes: int) -> None:
            super().__init__()
            self.register_buffer("bias", torch.randn(n_classes))

        def fit(self, features: Any, targets: Any) -> None:
            self.bias += 1
            interrupts()

        def forward(self, batch: Any) -> torch.Tensor:
            return self.bias.repeat(len(batch), 1)

    def model(n_classes: int) -> Fits:
        return Fits(n_classes)

    model.fits_itself = True  # type: ignore[attr-defined]
    loop = Trainer(Dataset(train=(TEXTS, LABELS)), "bow", model)
    with pytest.raises(KeyboardInterrupt):
        loop.fit()
    again = loop.fit()
    assert torch.equal(again.module.bias, Trainer(loop.dataset, "bow", model).fit().module.bias)
