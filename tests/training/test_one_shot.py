"""A model that fits itself: no optimizer, one epoch, and what it learns is in its bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import make_sets, make_texts, small_recipe
from sklearn.naive_bayes import MultinomialNB
from torch import nn

import textforge
from textforge import ComponentError, Dataset, PluginManager, Ragged, RecipeError, Trainer, TrainingError, hookimpl

TEXTS = [*make_texts(30, seed=4)[0], "", "unknown"]


class Counts(nn.Module):
    """Naive Bayes by counts."""

    def __init__(self, n_features: int, n_classes: int, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("weight", torch.zeros(n_features, n_classes))
        self.register_buffer("bias", torch.zeros(n_classes))

    def fit(self, features: Ragged, targets: np.ndarray) -> None:
        n_classes = len(self.bias)
        wanted = targets if targets.ndim == 2 else np.eye(n_classes)[targets]
        counts = np.full(tuple(self.weight.shape), self.smoothing)
        rows = np.repeat(np.arange(len(targets)), np.diff(features.offsets))
        weights = np.ones(len(rows)) if features.weights is None else features.weights
        np.add.at(counts, features.indices, wanted[rows] * weights[:, None])
        self.weight.copy_(torch.from_numpy(np.log(counts / counts.sum(axis=0))))
        self.bias.copy_(torch.from_numpy(np.log(wanted.mean(axis=0))))

    def forward(self, batch: Any) -> torch.Tensor:
        return nn.functional.embedding_bag(
            batch.indices, self.weight, batch.offsets, mode="sum", per_sample_weights=batch.weights
        ) + self.bias  # fmt: skip


def counts(n_features: int, n_classes: int, /, *, smoothing: float = 1.0) -> nn.Module:
    """Naive Bayes.

    Options:
        smoothing: added to each count.
    """
    return Counts(n_features, n_classes, smoothing)


counts.fits_itself = True


def variant(**methods: Any) -> Any:
    """The model with other methods."""

    def factory(n_features: int, n_classes: int, /) -> nn.Module:
        return type("Variant", (Counts,), methods)(n_features, n_classes, 1.0)

    factory.fits_itself = True
    return factory


def plugins_with(model: Any = counts) -> PluginManager:
    class Plugin:
        @hookimpl
        def textforge_models(self) -> dict[str, Any]:
            return {"own-bayes": model}

    plugins = PluginManager()
    plugins.register(Plugin())
    return plugins


def trainer(model: Any = counts, data: Dataset | None = None, **settings: Any) -> Trainer:
    plugins = plugins_with(model)
    parts = plugins.part("vectorizer", "bow"), plugins.part("model", "own-bayes")
    return Trainer(data or Dataset(train=make_texts(120)), *parts, **settings)


# -- in code -----------------------------------------------------------------------------------


def test_it_is_fitted_without_an_optimizer_and_equals_scikit_learns() -> None:
    loop = trainer()
    classifier = loop.fit()
    matrix = loop._prepared.source.features
    dense = np.zeros((len(matrix), matrix.n_features))
    np.add.at(dense, (np.repeat(np.arange(len(matrix)), np.diff(matrix.offsets)), matrix.indices), matrix.weights
              if matrix.weights is not None else 1)  # fmt: skip
    reference = MultinomialNB().fit(dense, loop.train_labels)
    np.testing.assert_allclose(classifier.predict_proba(make_texts(120)[0]), reference.predict_proba(dense), atol=1e-4)


def test_it_has_one_epoch_and_one_step() -> None:
    steps: list[Any] = []
    loop = trainer(
        epochs=7, batch_size=3, validation=0.25, on_step=lambda done: steps.append((done.epoch, done.step, done.steps))
    )
    (result,) = list(loop)
    assert (result.number, result.steps, result.best) == (1, 1, True)
    assert steps == [(1, 1, 1)]
    assert (loop.epochs, loop.steps, loop.finished) == (1, 1, True)
    assert list(loop) == []
    texts, labels = loop.dataset.train
    assert result.valid["accuracy"] > 0.9
    assert result.train_loss < 0.5
    assert len(texts) == len(labels) == 120


def test_it_takes_sets_of_labels() -> None:
    found = trainer(data=Dataset(train=make_sets(150))).fit()
    assert found.decision.multi_label
    assert found.predict_proba(TEXTS).shape == (len(TEXTS), 3)


def test_a_plain_function_may_fit_itself() -> None:
    def plain(n_features: int, n_classes: int) -> nn.Module:
        return Counts(n_features, n_classes, 1.0)

    plain.fits_itself = True
    loop = Trainer(Dataset(train=make_texts(60)), plugins_with().part("vectorizer", "bow"), plain)
    assert loop.fit().evaluate(*make_texts(40, seed=2))["accuracy"] > 0.9


def test_any_other_model_needs_an_optimizer() -> None:
    plugins = plugins_with()
    with pytest.raises(RecipeError, match="an optimizer is needed; only a model that fits itself does without one"):
        Trainer(Dataset(train=make_texts(20)), plugins.part("vectorizer", "bow"), plugins.part("model", "linear"))


def test_decisions_are_fitted_on_its_validation_split() -> None:
    loop = trainer(validation=0.25, decision={"calibrate": "temperature"})
    assert loop.fit().decision.temperature != 1


@pytest.mark.parametrize(
    ("methods", "error", "says"),
    [
        ({"fit": None}, ComponentError, r"declares fits_itself, but its module has no fit\(\)"),
        ({"fit": lambda self, features, y: 1 / 0}, ComponentError, "failed while fitting itself: ZeroDivisionError"),
        ({"fit": lambda self, features: None}, ComponentError, "failed while fitting itself: TypeError"),
        ({"fit": lambda self, features, y: self.weight.fill_(float("nan"))}, TrainingError,
         "gives outputs that are not finite numbers after fitting itself"),
        ({"forward": lambda self, batch: self.bias}, ComponentError, r"returned torch.float32 of shape \(3,\); expect"),
    ],
    ids=["no-fit", "raises", "wants-less", "nan", "shape"],
)  # fmt: skip
def test_one_that_does_not_work_is_named(methods: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=f"model 'own-bayes' from this program {says}"):
        trainer(variant(**methods)).fit()


def test_an_attribute_that_only_looks_true_does_not_count() -> None:
    def yes(n_features: int, n_classes: int, /) -> nn.Module:
        return Counts(n_features, n_classes, 1.0)

    yes.fits_itself = "yes"
    with pytest.raises(RecipeError, match="an optimizer is needed"):
        trainer(yes)


# -- its bundle --------------------------------------------------------------------------------


def test_a_bundle_holds_what_it_learnt(tmp_path: Path) -> None:
    before = trainer().fit()
    after = textforge.load(textforge.save(before, tmp_path / "bundle"), plugins=plugins_with())
    assert np.array_equal(before.predict_proba(TEXTS), after.predict_proba(TEXTS))


class Remembers(Counts):
    """Keeps part of what it learns in a plain attribute."""

    shift = 0.0

    def fit(self, features: Ragged, targets: np.ndarray) -> None:
        super().fit(features, targets)
        self.shift = torch.tensor([5.0, 0.0, 0.0])

    def forward(self, batch: Any) -> torch.Tensor:
        return super().forward(batch) + self.shift


class Grows(Counts):
    """Its buffer has a shape that only the data tell."""

    def fit(self, features: Ragged, targets: np.ndarray) -> None:
        super().fit(features, targets)
        self.register_buffer("seen", torch.zeros(len(targets)))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Remembers, "predicts differently once its weights are loaded"),
        (Grows, r'failed while taking its saved weights: .*"seen"'),
    ],
    ids=["attribute", "shape"],
)
def test_what_no_bundle_would_hold_is_reported_when_it_is_saved(tmp_path: Path, model: type, says: str) -> None:
    def factory(n_features: int, n_classes: int, /) -> nn.Module:
        return model(n_features, n_classes, 1.0)

    factory.fits_itself = True
    with pytest.raises(ComponentError, match=f"model 'own-bayes'.*{says}.*must be parameters or buffers"):
        textforge.save(trainer(factory).fit(), tmp_path / "bundle")
    assert [*tmp_path.iterdir()] == []


# -- in a recipe -------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path: Path, small_csv: Path) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(small_recipe(small_csv), sort_keys=False))
    return path


def test_one_line_swaps_it_in_and_what_is_not_used_is_reported(written: Path, tmp_path: Path) -> None:
    told: list[str] = []

    class Told(textforge.Progress):
        def warning(self, text: str) -> None:
            told.append(text)

    plugins = plugins_with()
    run = textforge.run(written, overrides=["model=own-bayes"], plugins=plugins, out=tmp_path / "run", progress=Told())
    says = "model 'own-bayes' fits itself: optimizer, trainer.epochs, trainer.batch_size are not used."
    assert says in told
    assert says in run.result["warnings"]
    assert (run.result["epochs"], run.result["n_parameters"]) == (1, 0)
    assert len((run.path / "metrics.jsonl").read_text().splitlines()) == 1
    resolved = yaml.safe_load((run.path / "resolved.yaml").read_text())
    assert "optimizer" not in resolved
    assert resolved["model"] == {"use": "own-bayes", "smoothing": 1.0}
    assert resolved["trainer"] == {
        "validation": 0.0, "unknown_labels": "error", "monitor": "loss", "device": "auto",
    }  # fmt: skip


def test_the_resolved_recipe_runs_again_without_a_word(written: Path, tmp_path: Path) -> None:
    plugins = plugins_with()
    first = textforge.run(written, overrides={"model": {"use": "own-bayes", "smoothing": 0.5}}, plugins=plugins,
                          out=tmp_path / "a")  # fmt: skip
    again = textforge.run(first.path / "resolved.yaml", plugins=plugins, out=tmp_path / "b")
    assert not any("fits itself" in warning for warning in again.result["warnings"])
    for name in ("model/model.safetensors", "predictions.jsonl", "resolved.yaml"):
        assert (first.path / name).read_bytes() == (again.path / name).read_bytes()
    assert json.loads((again.path / "result.json").read_text())["test"] == first.test


def test_a_recipe_that_is_written_for_it_has_no_warning(small_csv: Path) -> None:
    recipe = small_recipe(small_csv, model="own-bayes", trainer={"validation": 0.1, "monitor": "macro_f1"})
    del recipe["optimizer"]
    checked = textforge.load_recipe(recipe, plugins=plugins_with())
    assert checked.optimizer is None
    assert checked.warnings == ()


def test_another_model_swapped_in_for_it_asks_for_an_optimizer(small_csv: Path) -> None:
    recipe = small_recipe(small_csv, model="own-bayes")
    del recipe["optimizer"]
    with pytest.raises(RecipeError, match="the section 'optimizer' is missing"):
        textforge.load_recipe(recipe, overrides=["model=linear"], plugins=plugins_with())


def test_a_misspelt_model_is_the_only_mistake(small_csv: Path) -> None:
    recipe = small_recipe(small_csv, model="own-bays")
    del recipe["optimizer"]
    with pytest.raises(RecipeError) as error:
        textforge.load_recipe(recipe, plugins=plugins_with())
    assert len(error.value.mistakes) == 1
    assert "Did you mean 'own-bayes'?" in str(error.value)


def test_what_is_not_used_is_checked_all_the_same(small_csv: Path) -> None:
    recipe = small_recipe(small_csv, model="own-bayes", trainer={"epochs": 0}, optimizer={"use": "adam", "lr": -1})
    with pytest.raises(RecipeError) as error:
        textforge.load_recipe(recipe, plugins=plugins_with())
    assert len(error.value.mistakes) == 2


def test_it_may_be_cross_validated_and_repeated(written: Path, tmp_path: Path) -> None:
    given = {"overrides": ["model=own-bayes"], "plugins": plugins_with()}
    crossed = textforge.cross_validate(written, folds=3, out=tmp_path / "cv", **given)
    assert crossed.result["figures"]["accuracy"]["mean"] > 0.8
    assert sum("fits itself" in warning for warning in crossed.result["warnings"]) == 1
    repeated = textforge.run_seeds(written, [0, 1], out=tmp_path / "seeds", **given)
    assert len(repeated.result["figures"]["accuracy"]["values"]) == 2
