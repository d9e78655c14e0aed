"""Steps: gradients over several batches, learning rates that change, losses good and bad, bfloat16."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_texts
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau

import textforge
from textforge import ComponentError, Dataset, FeatureLinear, RecipeError, Trainer, TrainingError

PARTS = textforge.PluginManager()


def trainer(n: int = 60, **settings: Any) -> Trainer:
    """A linear model over a bag of words, unless told otherwise."""
    data = settings.pop("data", None) or Dataset(train=make_texts(n))
    model = settings.pop("model", lambda n_features, n_classes: FeatureLinear(n_features, n_classes))
    optimizer = settings.pop("optimizer", PARTS.part("optimizer", "adam", lr=0.05))
    return Trainer(
        data, PARTS.part("vectorizer", "bow"), model, optimizer, **{"epochs": 2, "batch_size": 16, **settings}
    )


def weights(loop: Trainer) -> np.ndarray:
    return torch.cat([value.flatten() for value in loop.fit().module.state_dict().values()]).numpy()


# -- gradients over several batches ------------------------------------------------------------


@pytest.mark.parametrize("n", [64, 60, 53, 17], ids=["even", "short-group", "ragged-batch", "lone-batch"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_accumulated_batches_are_one_large_batch(n: int, shuffle: bool) -> None:
    small = trainer(n, batch_size=8, accumulate=2, shuffle=shuffle)
    large = trainer(n, batch_size=16, shuffle=shuffle)
    np.testing.assert_allclose(weights(small), weights(large), atol=1e-5)
    for one, other in zip(small.history, large.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-5)
    assert (small.history[0].steps, large.history[0].steps) == (-(-n // 8), -(-n // 16))


@pytest.mark.parametrize("every", [3, 5, 100])
def test_a_last_group_of_fewer_batches_is_weighed_by_its_texts(every: int) -> None:
    found = weights(trainer(53, batch_size=4, accumulate=every, shuffle=False))
    np.testing.assert_allclose(found, weights(trainer(53, batch_size=4 * every, shuffle=False)), atol=1e-5)


def test_accumulation_heeds_drop_last() -> None:
    # 29 texts: 3 batches of 8, in groups of 2 and 1; the last 5 texts are left out
    found = weights(trainer(29, batch_size=8, accumulate=2, drop_last=True, shuffle=False, epochs=1))
    texts, labels = make_texts(29)
    module, optimizer = None, None
    loop = trainer(29, batch_size=8, shuffle=False)
    loop.prepare()
    module, features = loop.module, loop._prepared.source.features
    targets = loop._prepared.source._targets.gold
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    for first, last in ((0, 16), (16, 24)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(features.batch(first, last)), targets[first:last]).backward()
        optimizer.step()
    expected = torch.cat([value.flatten() for value in module.state_dict().values()]).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(texts) == len(labels) == 29


def test_clipping_is_of_the_whole_step() -> None:
    settings = {"optimizer": PARTS.part("optimizer", "sgd", lr=1.0), "clip_norm": 0.01, "epochs": 1, "shuffle": False}
    small, large = trainer(32, batch_size=8, accumulate=4, **settings), trainer(32, batch_size=32, **settings)
    np.testing.assert_allclose(weights(small), weights(large), atol=1e-6)


# -- learning rates ----------------------------------------------------------------------------


class Counting(LambdaLR):
    """Counts its steps, without the one that torch makes at the start."""

    steps = -1

    def step(self, *arguments: Any) -> None:
        self.steps += 1
        super().step(*arguments)


@pytest.mark.parametrize(("accumulate", "updates"), [(1, 4), (2, 2), (3, 2)])
def test_a_scheduler_is_stepped_after_every_update_but_the_last(accumulate: int, updates: int) -> None:
    told: dict[str, Any] = {}

    def scheduler(optimizer: Any, total_steps: int, steps_per_epoch: int, monitor_mode: str, /) -> Any:
        told.update(total=total_steps, epoch=steps_per_epoch, mode=monitor_mode)
        return Counting(optimizer, lambda step: 1 / (1 + step))

    loop = trainer(60, accumulate=accumulate, epochs=3, scheduler=scheduler)
    loop.fit()
    assert told == {"total": 3 * updates, "epoch": updates, "mode": "min"}
    assert loop.scheduler.steps == 3 * updates - 1
    rate = loop.optimizer.param_groups[0]["lr"]
    assert rate == pytest.approx(0.05 / (3 * updates))


@pytest.mark.filterwarnings("error")
def test_one_cycle_takes_exactly_its_steps() -> None:
    rates: list[float] = []
    loop = trainer(
        60, scheduler=lambda optimizer, total_steps: OneCycleLR(optimizer, max_lr=0.1, total_steps=total_steps),
        on_step=lambda step: rates.append(loop.optimizer.param_groups[0]["lr"]),
    )  # fmt: skip
    loop.fit()
    assert max(rates) == pytest.approx(0.1, rel=0.1)
    assert rates[-1] < rates[0] < max(rates), "it warms up, and it has cooled down at the end"


def test_a_plateau_is_stepped_once_an_epoch_with_the_monitored_figure() -> None:
    seen: list[float] = []

    class Plateau(ReduceLROnPlateau):
        def step(self, metrics: Any, epoch: Any = None) -> None:
            seen.append(metrics)
            super().step(metrics)

    modes: list[str] = []

    def scheduler(optimizer: Any, monitor_mode: str, /) -> Any:
        modes.append(monitor_mode)
        return Plateau(optimizer, mode=monitor_mode)

    for monitor in ("loss", "macro_f1"):
        seen.clear()
        loop = trainer(60, scheduler=scheduler, validation=0.3, monitor=monitor, epochs=3)
        loop.fit()
        assert seen == [result.valid[monitor] for result in loop.history]
    assert modes == ["min", "max"]


def test_a_plateau_without_validation_is_refused_before_training() -> None:
    loop = trainer(scheduler=lambda optimizer: ReduceLROnPlateau(optimizer))
    with pytest.raises(
        RecipeError, match=r"the scheduler follows the validation figure loss\. Set trainer\.validation"
    ):
        loop.prepare()


@pytest.mark.parametrize("scheduler", [None, lambda optimizer: ReduceLROnPlateau(optimizer)])
def test_a_monitored_figure_that_is_undefined_is_reported_in_the_first_epoch(scheduler: Any) -> None:
    loop = trainer(
        scheduler=scheduler, validation=0.3, monitor="never", epochs=50,
        metrics={"never": lambda gold, probabilities: None, "own": lambda gold, probabilities: 0.5},
    )  # fmt: skip
    with pytest.raises(RecipeError, match=r"trainer\.monitor: never is undefined on the validation split") as told:
        loop.fit()
    assert "monitor another figure: loss, accuracy, macro_f1, micro_f1, weighted_f1, own." in str(told.value)
    assert loop.history == []


def test_the_classes_that_the_validation_split_lacks_are_named() -> None:
    data = Dataset(train=make_texts(60), valid=(["moon orbit"] * 3, ["space"] * 3))
    loop = trainer(data=data, monitor="roc_auc", metrics=[PARTS.part("metric", "roc-auc")])
    with pytest.raises(RecipeError, match=r"split of 3 texts, which has no text of: ball, paint\."):
        loop.fit()
    assert trainer(data=data, metrics=[PARTS.part("metric", "roc-auc")]).fit(), "what is not monitored may be undefined"


def test_a_figure_that_is_undefined_later_is_reported_and_counts_as_no_better() -> None:
    values = iter([0.0, 0.3, None, 0.5, None])  # the first when it is tried out
    seen: list[float] = []

    class Plateau(ReduceLROnPlateau):
        def step(self, metrics: Any, epoch: Any = None) -> None:
            seen.append(metrics)

    loop = trainer(
        scheduler=lambda optimizer: Plateau(optimizer, mode="max"), validation=0.3, monitor="own", epochs=4,
        metrics={"own": lambda gold, probabilities: next(values)},
    )  # fmt: skip
    loop.fit()
    assert (loop.best.number, seen) == (3, [0.3, 0.5])
    assert loop.part_warnings == ["trainer.monitor: own was undefined in epochs 2, 4: they count as no better."]


def raising(optimizer: Any, /) -> Any:
    class Raising(LambdaLR):
        def step(self, *arguments: Any) -> None:
            if getattr(self, "begun", False):
                raise LookupError("no rate")
            self.begun = True
            super().step(*arguments)

    return Raising(optimizer, lambda step: 1.0)


@pytest.mark.parametrize(
    ("scheduler", "says"),
    [
        (raising, "the scheduler failed while taking a step: LookupError: no rate"),
        (lambda optimizer: 1 / 0, "the scheduler failed while being called: ZeroDivisionError"),
        (lambda optimizer: None, r"the scheduler returned a NoneType, not a torch\.optim\.lr_scheduler\.LRScheduler"),
        (lambda optimizer: optimizer, r"the scheduler returned a Adam, not a torch\.optim\.lr_scheduler\.LRScheduler"),
    ],
    ids=["step", "factory", "none", "optimizer"],
)
def test_a_scheduler_that_does_not_work_is_named(scheduler: Any, says: str) -> None:
    with pytest.raises(ComponentError, match=says):
        trainer(scheduler=scheduler).fit()


# -- losses ------------------------------------------------------------------------------------

ONE = "expected one float number with a gradient"
BAD_LOSSES = {
    "none": (lambda scores, targets: None, f"returned NoneType; {ONE}"),
    "float": (lambda scores, targets: 0.5, f"returned float; {ONE}"),
    "a-text": (lambda scores, targets: nn.functional.cross_entropy(scores, targets, reduction="none"),
               rf"returned torch.float32 of shape \(16,\) with a gradient; {ONE}"),
    "one-in-a-row": (lambda scores, targets: scores.sum()[None], r"returned torch.float32 of shape \(1,\) with"),
    "whole": (lambda scores, targets: (scores.argmax(1) != targets).sum(), r"returned torch.int64 of shape"),
    "detached": (lambda scores, targets: scores.detach().sum(), r"returned torch.float32 of shape \(\) without"),
    "raises": (lambda scores, targets: scores[:, 99], "failed while computing the loss of a batch: IndexError"),
    "wants-more": (lambda scores: scores, "failed while computing the loss of a batch: TypeError"),
}  # fmt: skip


@pytest.mark.parametrize(("loss", "says"), BAD_LOSSES.values(), ids=BAD_LOSSES)
def test_a_loss_that_gives_something_else_is_named(loss: Any, says: str) -> None:
    with pytest.raises(ComponentError, match=f"the loss {says}"):
        trainer(loss=lambda: loss).fit()


def test_a_loss_factory_that_returns_no_callable_is_named() -> None:
    with pytest.raises(ComponentError, match=r"the loss returned a float, not a callable \(logits, targets\)"):
        trainer(loss=lambda: 0.5).prepare()


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_reported(factor: float) -> None:
    with pytest.raises(TrainingError, match=r"the loss became (nan|inf) in epoch 1, step 1 of 4"):
        trainer(loss=lambda: lambda scores, targets: scores.exp().sum() * factor).fit()


def test_a_loss_may_be_a_module_and_refuse_what_it_cannot_take() -> None:
    plain = weights(trainer())
    np.testing.assert_allclose(weights(trainer(loss=lambda: nn.CrossEntropyLoss())), plain, atol=1e-7)

    def single_only(multi_label: bool, /) -> Any:
        if multi_label:
            raise RecipeError("this loss is for one label a text. Use another.")
        return nn.CrossEntropyLoss()

    texts, labels = make_texts(20)
    data = Dataset(train=(texts, [[label] for label in labels]))
    with pytest.raises(RecipeError, match="this loss is for one label a text"):
        trainer(data=data, loss=single_only).prepare()


def test_sets_of_labels_have_their_counts_and_targets_reported() -> None:
    seen: dict[str, Any] = {}

    def loss(n_classes: int, labels: Any, class_counts: Any, multi_label: bool, /) -> Any:
        seen.update(n=n_classes, labels=labels, counts=class_counts.tolist(), several=multi_label)

        def mean(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            seen.update(dtype=targets.dtype, shape=tuple(targets.shape), scores=scores.dtype)
            return nn.functional.binary_cross_entropy_with_logits(scores, targets)

        return mean

    data = Dataset(train=(["moon", "bat", "paint", "x"], [["a"], ["a", "b"], ["b", "c"], []]))
    trainer(data=data, loss=loss, epochs=1).fit()
    assert seen == {
        "n": 3, "labels": ("a", "b", "c"), "counts": [2, 2, 1], "several": True,
        "dtype": torch.float32, "shape": (4, 3), "scores": torch.float32,
    }  # fmt: skip


def test_a_loss_may_do_as_it_likes_with_the_targets() -> None:
    def messy(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.cross_entropy(scores, targets.clone())
        targets.zero_()
        return loss

    for shuffle in (False, True):
        found = weights(trainer(loss=lambda: messy, shuffle=shuffle))
        assert np.array_equal(found, weights(trainer(shuffle=shuffle)))


def test_a_module_without_weights_has_nothing_to_train() -> None:
    class Nothing(nn.Module):
        def forward(self, batch: Any) -> torch.Tensor:
            return torch.zeros(len(batch), 3)

    with pytest.raises(
        ComponentError, match=r"the model has no parameters to train\. If it fits itself, set fits_itself"
    ):
        trainer(model=lambda n_features: Nothing()).fit()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"loss": PARTS.part("optimizer", "adam")}, "optimizer 'adam' cannot be used as loss."),
        ({"optimizer": PARTS.part("model", "linear")}, "model 'linear' cannot be used as optimizer."),
        ({"model": PARTS.part("vectorizer", "bow")}, "vectorizer 'bow' cannot be used as model."),
    ],
    ids=["loss", "optimizer", "model"],
)
def test_a_part_in_the_place_of_another_kind_is_reported(given: Any, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        trainer(**given)


# -- number formats ----------------------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True])
def test_bfloat16_trains_nearly_as_well(several: bool) -> None:
    texts, labels = make_texts(200)
    data = Dataset(train=(texts, [[label] for label in labels] if several else labels))
    seen = []

    class Mlp(nn.Module):
        def __init__(self, n_features: int, n_classes: int) -> None:
            super().__init__()
            self.first, self.last = FeatureLinear(n_features, 16), nn.Linear(16, n_classes)

        def forward(self, batch: Any) -> torch.Tensor:
            found = self.last(torch.relu(self.first(batch)))
            seen.append((self.training, found.dtype))
            return found

    loop = trainer(data=data, model=lambda n_features, n_classes: Mlp(n_features, n_classes), precision="bfloat16",
                   epochs=6, validation=0.2, accumulate=2, clip_norm=1.0, ema=0.5)  # fmt: skip
    classifier = loop.fit()
    assert set(seen) == {(True, torch.bfloat16), (False, torch.float32)}
    assert {value.dtype for value in classifier.module.state_dict().values()} == {torch.float32}
    test, gold = make_texts(60, seed=3)
    found = classifier.evaluate(test, [[label] for label in gold] if several else gold)
    assert found["micro_f1"] > 0.9


def test_bfloat16_repeats() -> None:
    one, other = (weights(trainer(precision="bfloat16")) for _ in range(2))
    assert np.array_equal(one, other)
