"""The training loop, in code: no recipe, no files."""

from __future__ import annotations

import copy
import logging
import random
import threading
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_texts
from sharpness_aware import SharpnessAware
from torch import nn

import textforge
from textforge import (
    ComponentError,
    DataError,
    Dataset,
    FeatureLinear,
    PluginError,
    RecipeError,
    Trainer,
    TrainingError,
)

PARTS = textforge.PluginManager()


def dataset(n: int = 120, **splits: Any) -> Dataset:
    return Dataset(train=make_texts(n), **splits)


def trainer(data: Dataset | None = None, model: Any = None, **settings: Any) -> Trainer:
    optimizer = settings.pop("optimizer", PARTS.part("optimizer", "adam", lr=0.01))
    vectorizer = settings.pop("vectorizer", None) or PARTS.part("vectorizer", "bow")
    model = model or PARTS.part("model", "mlp", hidden=[8])
    return Trainer(data or dataset(), vectorizer, model, optimizer, **{"epochs": 3, "batch_size": 16, **settings})


def weights(classifier: textforge.Classifier) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in classifier.module.state_dict().values())


def test_yields_one_plain_result_an_epoch_and_learns() -> None:
    loop = trainer(epochs=5)
    results = list(loop)
    assert [result.number for result in results] == [1, 2, 3, 4, 5] and results == loop.history
    assert results[-1].train_loss < results[0].train_loss
    assert all(result.steps == 8 and result.valid is None and not result.best for result in results)
    texts, labels = make_texts(60, seed=1)
    assert loop.classifier().evaluate(texts, labels)["accuracy"] > 0.9


def test_stops_when_the_caller_stops_and_goes_on_where_it_stopped() -> None:
    whole = trainer(epochs=4)
    whole.fit()
    loop = trainer(epochs=4)
    for result in loop:
        if result.number == 2:
            break
    early = loop.classifier()
    before = weights(early)
    assert [result.number for result in loop] == [3, 4]
    assert weights(loop.classifier()) == weights(whole.classifier()) != before
    assert weights(early) == before, "a classifier does not change while training goes on"


def test_same_seed_same_weights_and_another_seed_others() -> None:
    model = PARTS.part("model", "mlp", hidden=[8], dropout=0.3)
    assert weights(trainer(model=model).fit()) == weights(trainer(model=model).fit())
    assert weights(trainer(model=model, seed=1).fit()) != weights(trainer(model=model).fit())


def test_leaves_the_callers_global_state_alone() -> None:
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    threads, level, grad = torch.get_num_threads(), logging.root.level, torch.is_grad_enabled()
    trainer(model=PARTS.part("model", "mlp", hidden=[8], dropout=0.3), validation=0.2).fit().predict(["moon"])
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before
    assert (torch.get_num_threads(), logging.root.level, torch.is_grad_enabled()) == (threads, level, grad)


def test_trains_alike_where_the_caller_turned_gradients_off() -> None:
    with torch.no_grad():
        without = weights(trainer().fit())
    assert without == weights(trainer().fit())


def test_two_trainers_in_two_threads_do_not_touch_each_other() -> None:
    model = PARTS.part("model", "mlp", hidden=[8], dropout=0.3)
    alone = [weights(trainer(model=model, seed=seed, epochs=6).fit()) for seed in (0, 1)]
    together: dict[int, bytes] = {}

    def work(seed: int) -> None:
        together[seed] = weights(trainer(model=model, seed=seed, epochs=6).fit())

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[0], together[1]] == alone


def test_model_and_optimizer_may_be_plain_functions_that_name_the_facts_they_want() -> None:
    loop = trainer(
        model=lambda n_classes, n_features: FeatureLinear(n_features, n_classes),
        optimizer=lambda params: torch.optim.SGD(params, lr=0.5),
        epochs=5,
    )
    assert loop.fit().evaluate(*make_texts(60, seed=1))["accuracy"] > 0.9


def test_any_scikit_learn_vectorizer_serves() -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    ours, theirs = trainer().fit(), trainer(vectorizer=CountVectorizer()).fit()
    texts = make_texts(40, seed=2)[0]
    # the words of one letter are the only difference, and neither takes them
    np.testing.assert_allclose(ours.predict_proba(texts), theirs.predict_proba(texts), atol=1e-6)


def test_dense_vectors_serve() -> None:
    class Lengths:
        def fit(self, texts: list[str]) -> None: ...

        def transform(self, texts: list[str]) -> np.ndarray:
            return np.array([[len(text), text.count("moon")] for text in texts], dtype=np.float32)

    probabilities = trainer(vectorizer=Lengths()).fit().predict_proba(["a", "moon"])
    assert probabilities.shape == (2, 3)


def test_the_vectorizer_sees_training_texts_only() -> None:
    seen: list[list[str]] = []

    class Spy:
        def fit(self, texts: list[str]) -> None:
            seen.append(list(texts))

        def transform(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts), 1), dtype=np.float32)

    train, test = make_texts(50), make_texts(20, seed=9)
    loop = trainer(Dataset(train=train, test=test), vectorizer=Spy(), validation=0.2)
    loop.fit()
    assert len(seen) == 1 and len(seen[0]) == 50 - len(loop._prepared.valid[1])
    assert set(seen[0]) <= set(train[0]) and not set(seen[0]) & set(test[0])


def test_validation_is_carved_from_train_by_class() -> None:
    loop = trainer(dataset(200), validation=0.25)
    result = next(iter(loop))
    assert set(result.valid) == {"loss", "accuracy", "macro_f1", "micro_f1", "weighted_f1"}
    counts = np.bincount(loop._prepared.valid[1])
    whole = np.array([loop.dataset.train[1].count(label) for label in loop.labels])
    assert counts.tolist() == [round(0.25 * n) for n in whole]
    assert len(loop.train_labels) + counts.sum() == 200


def test_restores_the_best_epoch_by_the_monitored_metric() -> None:
    noisy = Dataset(train=make_texts(40), valid=make_texts(60, seed=5))
    kept: dict[int, bytes] = {}
    settings = {"epochs": 12, "monitor": "loss", "optimizer": PARTS.part("optimizer", "adam", lr=0.3)}
    loop = trainer(noisy, **settings)
    for result in loop:
        kept[result.number] = b"".join(t.numpy().tobytes() for t in loop.module.state_dict().values())
    losses = [result.valid["loss"] for result in loop.history]
    best = int(np.argmin(losses)) + 1
    assert loop.best.number == best < 12, "the test needs a best epoch before the last"
    assert weights(loop.classifier()) == kept[best]
    last = trainer(noisy, restore_best=False, **settings)
    assert weights(last.fit()) == kept[12]


@pytest.mark.parametrize("monitor", ["accuracy", "macro_f1"])
def test_higher_is_better_for_accuracy_and_f1(monitor: str) -> None:
    loop = trainer(Dataset(train=make_texts(40), valid=make_texts(60, seed=5)), monitor=monitor, epochs=6)
    values = [result.valid[monitor] for result in loop]
    assert loop.best.number == int(np.argmax(values)) + 1


def test_early_stopping_waits_patience_epochs() -> None:
    loop = trainer(
        Dataset(train=make_texts(40), valid=make_texts(60, seed=5)),
        epochs=50, patience=2, optimizer=PARTS.part("optimizer", "adam", lr=0.3),
    )  # fmt: skip
    loop.fit()
    assert len(loop.history) == loop.best.number + 2 < 50


def test_patience_without_validation_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"trainer\.patience needs a validation split"):
        trainer(patience=2).fit()


def test_validation_beside_the_datasets_own_is_refused() -> None:
    with pytest.raises(RecipeError, match="has a validation split of its own"):
        trainer(Dataset(train=make_texts(40), valid=make_texts(10)), validation=0.1).fit()


def test_drop_last_leaves_out_the_partial_batch_and_no_shuffle_keeps_the_order() -> None:
    rows: list[int] = []

    class Recorder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3))

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            rows.extend(batch[:, 0].int().tolist())
            return batch[:, :1] * 0 + self.weight

    class Numbers:
        def fit(self, texts: list[str]) -> None: ...

        def transform(self, texts: list[str]) -> np.ndarray:
            return np.arange(len(texts), dtype=np.float32)[:, None]

    common = {"vectorizer": Numbers(), "model": lambda n_features: Recorder(), "epochs": 2}
    trainer(dataset(20), batch_size=8, shuffle=False, drop_last=True, **common).fit()
    assert rows == [*range(16)] * 2
    rows.clear()
    trainer(dataset(20), batch_size=8, shuffle=True, **common).fit()
    first, second = rows[:20], rows[20:]
    assert sorted(first) == sorted(second) == [*range(20)] and first != second


def test_drop_last_that_leaves_no_batch_is_refused() -> None:
    with pytest.raises(DataError, match="make no full batch of 500"):
        trainer(batch_size=500, drop_last=True).fit()


def test_clip_norm_bounds_the_step() -> None:
    def moved(**settings: Any) -> float:
        loop = trainer(optimizer=PARTS.part("optimizer", "sgd", lr=1.0), epochs=1, batch_size=120, **settings)
        loop.prepare()
        before = [p.detach().clone() for p in loop.module.parameters()]
        loop.fit()
        after = [p.detach() for p in loop.module.parameters()]
        return float(sum((p - q).square().sum() for p, q in zip(after, before, strict=True)).sqrt())

    assert moved() > 0.01
    assert moved(clip_norm=0.01) == pytest.approx(0.01, rel=1e-3)


def test_the_loss_is_made_from_facts_and_used() -> None:
    seen = {}

    def doubled(labels: tuple[str, ...], class_counts: np.ndarray, /) -> Any:
        seen.update(labels=labels, counts=class_counts.tolist())
        return lambda scores, targets: 2 * nn.functional.cross_entropy(scores, targets)

    def first_loss(**parts: Any) -> float:
        loop = trainer(dataset(16), batch_size=16, shuffle=False, epochs=1, **parts)
        return next(iter(loop)).train_loss

    loop = trainer(dataset(16))
    assert first_loss(loss=doubled) == pytest.approx(2 * first_loss(), abs=1e-6)
    assert seen["labels"] == loop.labels
    assert seen["counts"] == [loop.dataset.train[1].count(label) for label in loop.labels]


def test_a_loss_that_is_no_number_says_where_and_what_to_try() -> None:
    with pytest.raises(TrainingError, match=r"epoch 1, step \d+ of 8\. Try a smaller learning rate \(now 1e\+30\)"):
        trainer(optimizer=PARTS.part("optimizer", "sgd", lr=1e30)).fit()


def test_the_first_step_that_goes_wrong_is_named() -> None:
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3))
            self.steps = 0

        def forward(self, batch: Any) -> torch.Tensor:
            self.steps += 1
            return self.weight.repeat(len(batch), 1) * (float("nan") if self.steps == 11 else 1)

    with pytest.raises(TrainingError, match="became nan in epoch 2, step 3 of 8"):
        trainer(model=lambda n_features: Breaks()).fit()


def test_a_validation_loss_that_is_no_number_is_reported() -> None:
    loop = trainer(
        Dataset(train=make_texts(30), valid=make_texts(30, seed=1)),
        model=PARTS.part("model", "linear"),
        optimizer=PARTS.part("optimizer", "sgd", lr=1e39),
        epochs=1,
        batch_size=30,
    )  # the one loss of the epoch is finite; what its step makes of the weights is not
    with pytest.raises(TrainingError, match=r"the validation loss became (nan|inf) in epoch 1\. Try a smaller"):
        loop.fit()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "trainer: epochs must be a number of at least 1, not 0"),
        ({"epoch": 3}, "trainer: unknown option 'epoch'.*Did you mean 'epochs'"),
        ({"batch_size": 1.5}, "trainer: batch_size must be a whole number"),
        ({"device": "gpu"}, "trainer: device must be 'auto', 'cpu' or 'cuda'"),
    ],
)
def test_wrong_settings_are_reported(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        trainer(**settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none_is_reported() -> None:
    with pytest.raises(RecipeError, match="torch finds no CUDA device here"):
        trainer(device="cuda")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (([], []), "train: no texts"),
        ((["a", "b"], ["x", "x"]), "all 2 training texts have the label 'x'"),
        ((["a", "b"], ["x"]), "2 texts but 1 labels"),
        ((["a", None], ["x", "y"]), "train: the text at index 1 is None, a NoneType, which is not text"),
        (
            (["a", "b"], [0.5, 1.5]),
            r"label at index 0 is 0.5, a float, which is not text.*\[str\(y\) for y in labels\]",
        ),
        (("ab", "xy"), "expected a list of texts"),
    ],
)
def test_wrong_data_are_reported(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        trainer(Dataset(train=data))


def test_a_validation_label_that_train_lacks_is_reported() -> None:
    with pytest.raises(
        DataError, match=r"valid: labels that the training data lack: 'other' \(1 times, first in row 1\)"
    ):
        trainer(Dataset(train=make_texts(30), valid=(["x"], ["other"]))).fit()


def test_a_model_that_raises_or_breaks_its_contract_is_named() -> None:
    class Raises(nn.Linear):
        def forward(self, batch: Any) -> torch.Tensor:
            raise ValueError("no good")

    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda n_features: Raises(2, 3), ComponentError, "the model failed while computing a batch: ValueError: no"),
        (lambda n_features: FeatureLinear(n_features, 7), ComponentError, r"shape \(16, 7\); expected .*6, 3"),
        (lambda n_features: "no module", ComponentError, "returned a str, not a torch.nn.Module"),
        (lambda n_feature: None, PluginError, "asks for 'n_feature'.*Did you mean 'n_features'"),
    ]  # fmt: skip
    for model, error, message in cases:
        with pytest.raises(error, match=message):
            trainer(model=model).fit()


def test_on_step_is_called_after_every_step() -> None:
    calls: list[tuple[int, int, int]] = []
    loop = trainer(epochs=2, on_step=lambda done: calls.append((done.epoch, done.step, done.steps)))
    loop.fit()
    assert calls == [(epoch, step, 8) for epoch in (1, 2) for step in range(1, 9)]


def test_empty_texts_are_trained_and_predicted_on() -> None:
    texts, labels = make_texts(30)
    loop = trainer(Dataset(train=([*texts, "", " "], [*labels, "ball", "space"])))
    probabilities = loop.fit().predict_proba(["", "moon", ""])
    assert np.isfinite(probabilities).all() and (probabilities[0] == probabilities[2]).all()


# -- parts of all sorts ------------------------------------------------------------------------


class Frozen(FeatureLinear):
    """Nothing of it is trained."""

    def forward(self, batch: Any) -> torch.Tensor:
        return super().forward(batch).detach()


class Integers(FeatureLinear):
    def forward(self, batch: Any) -> torch.Tensor:
        return super().forward(batch).long()


class Keeps(FeatureLinear):
    """Keeps an activation, as modules do that are looked into; torch cannot copy such a tensor."""

    def forward(self, batch: Any) -> torch.Tensor:
        self.kept = super().forward(batch)
        return self.kept


class Grows(FeatureLinear):
    """Keeps a table that grows on demand, as positional encodings do."""

    table: torch.Tensor | None = None

    def forward(self, batch: Any) -> torch.Tensor:
        scores = super().forward(batch)
        if self.table is None or len(self.table) < len(batch):
            self.table = torch.ones(len(batch), scores.shape[1])
        return scores * self.table[: len(batch)]


def raising_optimizer(params: Any) -> torch.optim.Optimizer:
    class Raises(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            raise LookupError("no step")

    return Raises(params, lr=0.1)


def undeclared_closure(params: Any) -> torch.optim.Optimizer:
    return SharpnessAware(params, lr=0.1, rho=0.1)


def of(module: type[nn.Module]) -> Any:
    return lambda n_features, n_classes: module(n_features, n_classes)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"optimizer": lambda params: None}, "the optimizer returned a NoneType, not a torch.optim.Optimizer"),
        ({"optimizer": undeclared_closure}, "the optimizer failed while taking a step: AssertionError: .*closure"),
        ({"optimizer": raising_optimizer}, "the optimizer failed while taking a step: LookupError: no step"),
        ({"model": of(Frozen)}, "the model returned logits without a gradient: it has nothing to train"),
        ({"model": of(Integers)}, "the model returned torch.int64 of shape .*; expected a float tensor"),
    ],
    ids=["no-optimizer", "closure", "raising-step", "no-gradient", "whole-numbers"],
)
def test_a_part_that_cannot_be_trained_with_is_named(parts: dict[str, Any], says: str) -> None:
    with pytest.raises(ComponentError, match=says):
        trainer(**parts).fit()


@pytest.mark.parametrize("settings", [{}, {"validation": 0.2}])
@pytest.mark.parametrize("module", [Keeps, Grows])
def test_a_module_may_keep_tensors_between_batches(module: type[nn.Module], settings: dict[str, Any]) -> None:
    plain = trainer(model=of(FeatureLinear), **settings).fit()
    assert weights(trainer(model=of(module), **settings).fit()) == weights(plain)


def test_training_and_prediction_work_in_inference_mode() -> None:
    with torch.inference_mode():
        inside = trainer(validation=0.2).fit()
        inside.predict(["moon"])
    assert weights(inside) == weights(trainer(validation=0.2).fit())


@pytest.mark.parametrize("vectorizer", ["bow", "dense"])
def test_another_default_dtype_of_the_callers_is_no_obstacle(vectorizer: str) -> None:
    class Lengths:
        def fit(self, texts: list[str]) -> None: ...

        def transform(self, texts: list[str]) -> Any:
            return np.array([[len(text)] for text in texts], dtype=np.float32)

    given = Lengths() if vectorizer == "dense" else PARTS.part("vectorizer", vectorizer)
    torch.set_default_dtype(torch.float64)
    try:
        classifier = trainer(vectorizer=given, loss=PARTS.part("loss", "cross-entropy", class_weights="balanced")).fit()
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.isfinite(classifier.predict_proba(["moon"])).all()


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, None, "1"])
def test_a_seed_that_is_none_is_reported(seed: Any) -> None:
    with pytest.raises(RecipeError, match="seed must be a whole number from 0 to 9223372036854775807, not "):
        trainer(seed=seed)


def test_numpy_numbers_are_numbers() -> None:
    given = PARTS.part("model", "mlp", hidden=np.array([8]))
    loop = trainer(model=given, seed=np.int64(3), epochs=np.int64(2), clip_norm=np.float32(0.5))
    assert loop.settings.epochs == 2
    plain = trainer(seed=3, epochs=2, clip_norm=0.5)
    assert weights(loop.fit()) == weights(plain.fit())


def test_steps_are_known_before_training() -> None:
    assert trainer().steps == 8


@pytest.mark.parametrize("data", [make_texts(10), None, {"train": make_texts(10)}])
def test_what_is_no_dataset_is_reported(data: Any) -> None:
    with pytest.raises(DataError, match=f"a {type(data).__name__} is not a dataset"):
        Trainer(data, PARTS.part("vectorizer", "bow"), of(FeatureLinear), torch.optim.SGD)


def test_a_fact_that_a_vectorizer_promises_and_lacks_is_reported() -> None:
    class Promises:
        gives = ("n_features", "pad")

        def fit(self, texts: list[str]) -> None: ...

        def transform(self, texts: list[str]) -> Any:
            return np.ones((len(texts), 2), dtype=np.float32)

    with pytest.raises(ComponentError, match="the vectorizer failed while giving the fact 'pad', which its 'gives'"):
        trainer(vectorizer=Promises()).fit()


def test_a_module_that_a_factory_returns_twice_is_neither_trained_nor_handed_out() -> None:
    shared = Keeps(64, 3)
    before = copy.deepcopy(shared.state_dict())
    loop = trainer(vectorizer=PARTS.part("vectorizer", "hashing", n_features=64), model=lambda: shared)
    classifier = loop.fit()
    assert classifier.module is not shared
    assert loop.module is not shared
    assert all(torch.equal(before[name], value) for name, value in shared.state_dict().items())


def test_a_module_that_cannot_be_copied_is_refused() -> None:
    shared = Keeps(64, 3)
    shared(torch.ones(1, 64))
    with pytest.raises(ComponentError, match="the model cannot be copied: it keeps a computed tensor"):
        trainer(vectorizer=PARTS.part("vectorizer", "hashing", n_features=64), model=lambda: shared).fit()


def test_a_classifier_asked_for_in_inference_mode_can_be_trained_on() -> None:
    loop = trainer(validation=0.2)
    list(loop)
    with torch.inference_mode():
        classifier = loop.classifier()
    assert not any(parameter.is_inference() for parameter in classifier.module.parameters())
