"""The loop, steered from outside: stop, go on, rates, step results; and what is checked where it is given."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from conftest import make_texts
from torch import nn

import textforge
from textforge import Dataset, FeatureLinear, PluginManager, RecipeError, StepResult, Trainer

PARTS = PluginManager()
TEXTS, LABELS = make_texts(80)
QUICK = PARTS.part("optimizer", "adam", lr=0.3)
VALID = make_texts(40, seed=3)


def trainer(valid: bool = False, **given: Any) -> Trainer:
    parts = {"vectorizer": "bow", "model": PARTS.part("model", "mlp", hidden=[8]), "optimizer": "adam"}
    data = Dataset(train=(TEXTS, LABELS), valid=VALID if valid else None)
    return Trainer(data, **{**parts, "epochs": 4, "batch_size": 8, **given})


def weights(classifier: textforge.Classifier) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in classifier.module.state_dict().values())


# -- stop --------------------------------------------------------------------------------------


def test_stop_after_an_epoch_ends_the_loop_there() -> None:
    loop = trainer()
    for epoch in loop:
        if epoch.number == 2:
            loop.stop("good enough")
    assert [one.number for one in loop.history] == [1, 2]
    assert loop.finished
    assert loop.stop_reason == "good enough"
    assert list(loop) == []
    short = trainer(epochs=2)
    assert weights(loop.classifier()) == weights(short.fit())
    assert short.stop_reason is None


@pytest.mark.parametrize(("after", "steps"), [("step", 13), ("epoch", 20)])
def test_stop_within_an_epoch_ends_it_after_the_step_or_waits_for_its_end(after: Any, steps: int) -> None:
    seen: list[int] = []

    def on_step(done: StepResult) -> None:
        seen.append(done.step)
        if len(seen) == 13:
            loop.stop(after=after)

    loop = trainer(valid=True, on_step=on_step)
    loop.fit()
    assert len(seen) == steps
    assert [one.steps for one in loop.history] == [10, steps - 10]
    assert loop.history[-1].valid is not None, "an epoch that ends early is validated"


def test_a_stop_keeps_the_best_weights() -> None:
    loop = trainer(valid=True, epochs=30, monitor="accuracy", optimizer=QUICK)
    kept: dict[int, bytes] = {}
    for epoch in loop:
        kept[epoch.number] = b"".join(value.numpy().tobytes() for value in loop.module.state_dict().values())
        if not epoch.best:
            loop.stop()
    assert loop.best.number < len(loop.history)
    assert weights(loop.classifier()) == kept[loop.best.number]


def test_a_stop_within_an_update_waits_for_the_update() -> None:
    seen: list[int] = []
    loop = trainer(accumulate=4, on_step=lambda done: (seen.append(done.step), loop.stop()))
    loop.fit()
    assert seen == [1, 2, 3, 4]


def test_a_stop_before_training_trains_nothing() -> None:
    loop = trainer()
    loop.stop()
    assert loop.train() == []
    assert loop.finished


def test_a_stop_from_another_thread_ends_training() -> None:
    asked = threading.Event()

    def on_step(done: StepResult) -> None:
        if done.epoch == 2 and not asked.is_set():
            asked.set()
            thread.join()

    loop = trainer(on_step=on_step, epochs=50)
    thread = threading.Thread(target=lambda: (asked.wait(), loop.stop("the button")))
    thread.start()
    loop.fit()
    assert len(loop.history) == 2
    assert loop.stop_reason == "the button"


def test_stop_says_what_after_may_be() -> None:
    with pytest.raises(RecipeError, match="after must be 'step' or 'epoch', not 'batch'"):
        trainer().stop(after="batch")  # type: ignore[arg-type]


def test_patience_is_a_reason_to_stop() -> None:
    loop = trainer(valid=True, epochs=60, patience=2, monitor="accuracy", optimizer=QUICK)
    assert loop.stop_reason is None
    loop.fit()
    assert loop.stop_reason == "no improvement for 2 epochs (trainer.patience)"


# -- go on -------------------------------------------------------------------------------------


def test_training_beyond_the_plan_equals_a_longer_plan() -> None:
    loop = trainer(epochs=2)
    loop.fit()
    more = loop.train(epochs=2)
    assert [one.number for one in more] == [3, 4]
    assert loop.epochs == 4
    assert weights(loop.classifier()) == weights(trainer(epochs=4).fit())


def test_training_goes_on_after_a_stop_and_after_patience() -> None:
    loop = trainer(valid=True, epochs=60, patience=2, monitor="accuracy", optimizer=QUICK)
    loop.fit()
    done = len(loop.history)
    assert len(loop.train(epochs=1)) == 1
    assert len(loop.train(epochs=5)) <= 5
    loop.stop()
    assert len(loop.train(epochs=1)) == 1
    assert len(loop.history) > done + 2


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True, "2"])
def test_train_takes_a_number_of_epochs(epochs: Any) -> None:
    with pytest.raises(RecipeError, match="train: epochs must be a whole number of at least 1"):
        trainer().train(epochs=epochs)


def test_a_model_that_fits_itself_has_one_epoch() -> None:
    loop = Trainer(Dataset(train=(TEXTS, LABELS)), "bow", "complement-nb")
    assert len(loop.train(epochs=3)) == 1
    with pytest.raises(RecipeError, match="fits itself has one epoch"):
        loop.train(epochs=1)
    with pytest.raises(RecipeError, match="fits itself has none"):
        _ = loop.learning_rate
    assert loop.optimizer is None


# -- what is public ----------------------------------------------------------------------------


def test_everything_in_training_is_there_before_the_first_epoch() -> None:
    loop = trainer(scheduler=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 10))
    assert loop.history == []
    assert not loop.finished
    assert isinstance(loop.module, nn.Module)
    assert isinstance(loop.optimizer, torch.optim.Adam)
    assert isinstance(loop.scheduler, torch.optim.lr_scheduler.StepLR)
    assert trainer().scheduler is None
    assert loop.learning_rate == 0.001


def test_the_learning_rate_can_be_set_between_steps() -> None:
    rates: list[float | None] = []

    def on_step(done: StepResult) -> None:
        rates.append(done.learning_rate)
        if len(rates) == 3:
            loop.learning_rate = 0.5

    loop = trainer(on_step=on_step, epochs=1)
    loop.fit()
    assert rates == [0.001] * 3 + [0.5] * 7


def test_setting_the_rate_keeps_the_proportions_of_groups() -> None:
    def optimizer(module: nn.Sequential) -> torch.optim.Optimizer:
        groups = [{"params": module[0].parameters(), "lr": 0.1}, {"params": module[2].parameters(), "lr": 0.3}]
        return torch.optim.SGD(groups)

    loop = trainer(optimizer=optimizer)
    loop.learning_rate = 0.2
    assert [group["lr"] for group in loop.optimizer.param_groups] == pytest.approx([0.2, 0.6])


def test_a_rate_that_a_scheduler_would_replace_is_refused_until_its_last_step() -> None:
    loop = trainer(scheduler="cosine", epochs=1)
    with pytest.raises(RecipeError, match=r"scheduler 'cosine'.* sets the learning rate until update 10, 10 from now"):
        loop.learning_rate = 0.1
    loop.fit()
    loop.learning_rate = 0.1
    assert loop.learning_rate == 0.1


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf"), "0.1", True])
def test_a_rate_that_is_none_is_refused(rate: Any) -> None:
    with pytest.raises(RecipeError, match="learning_rate must be a number of at least 0"):
        trainer().learning_rate = rate


def test_step_results_have_loss_rate_and_gradient_norm() -> None:
    steps: list[StepResult] = []
    loop = trainer(epochs=1, clip_norm=0.1, accumulate=2, on_step=steps.append)
    result = loop.train()[0]
    losses = [done.loss for done in steps]
    assert sum(losses) / len(losses) == pytest.approx(result.train_loss)  # the batches are all of one size
    assert [done.gradient_norm is None for done in steps] == [True, False] * 5
    assert all(done.gradient_norm > 0.1 for done in steps[1::2]), "before clipping"
    unclipped: list[StepResult] = []
    trainer(epochs=1, on_step=unclipped.append).fit()
    assert unclipped[0].gradient_norm is None


@pytest.mark.parametrize("on_step", [lambda epoch, step, steps: None, lambda: None, 3])
def test_a_step_function_of_another_form_is_refused_at_once(on_step: Any) -> None:
    with pytest.raises(RecipeError, match=r"on_step.*textforge\.StepResult"):
        trainer(on_step=on_step)


# -- arguments ---------------------------------------------------------------------------------


def test_parts_may_be_given_by_name() -> None:
    by_name = trainer(model="mlp", loss="cross-entropy", scheduler="constant", epochs=1)
    kinds = {"vectorizer": "bow", "model": "mlp", "optimizer": "adam", "loss": "cross-entropy", "scheduler": "constant"}
    by_part = trainer(**{kind: PARTS.part(kind, name) for kind, name in kinds.items()}, epochs=1)
    assert weights(by_name.fit()) == weights(by_part.fit())


def module() -> nn.Module:
    return nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "mpl"}, "no model named 'mpl'.*Did you mean 'mlp'"),
        ({"vectorizer": "mlp"}, "no vectorizer named 'mlp'"),
        (
            {"optimizer": torch.optim.SGD(module().parameters(), lr=1)},
            "optimizer: this SGD was made before.*lambda params",
        ),
        (
            {"scheduler": torch.optim.lr_scheduler.StepLR(torch.optim.SGD(module().parameters(), lr=1), 1)},
            "scheduler: this StepLR was made before training.*lambda optimizer",
        ),
        ({"model": {"use": "mlp"}}, "model: expected a part, the name of a part, or a function.*not a dict"),
        ({"model": 3}, "model: expected a part"),
        ({"vectorizer": FeatureLinear}, r"vectorizer: give an object, not a class, as in FeatureLinear\(\)"),
        ({"vectorizer": 3}, "a int has no transform"),
        ({"optimizer": None}, "an optimizer is needed"),
        ({"model": PARTS.part("optimizer", "adam")}, "optimizer 'adam' cannot be used as model"),
    ],
)
def test_arguments_are_checked_where_they_are_given(given: dict[str, Any], message: str) -> None:
    with pytest.raises((RecipeError, textforge.PluginError), match=message):
        trainer(**given)


def test_a_trainer_says_before_training_whether_its_classifier_can_be_saved() -> None:
    assert trainer().unsavable is None
    loop = trainer(model=lambda n_features, n_classes: FeatureLinear(n_features, n_classes))
    assert "the model was given as a Python object" in str(loop.unsavable)
    with pytest.raises(textforge.BundleError, match="the model was given as a Python object"):
        textforge.save(loop.classifier(), "never-written")
