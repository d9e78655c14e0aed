"""Classical models, losses, schedulers and metrics through whole runs."""

import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, make_texts, shipped, small_recipe
from torch import nn

import textforge
from textforge.components.manager import PluginManager

MODELS = ["calibrated", "complement-nb", "linear-svc", "logistic-regression", "multinomial-nb", "nbsvm"]


@pytest.fixture
def recipe(small_csv):
    return small_recipe(small_csv)


def run(recipe, tmp_path, **sections):
    return textforge.run({**recipe, **sections}, out=tmp_path / "run")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_fits_itself_in_a_run_and_comes_back_from_its_bundle(name, recipe, tmp_path):
    plain = {key: recipe[key] for key in ("seed", "dataset", "vectorizer")}
    done = run(plain, tmp_path, model={"use": name})
    assert done.test["accuracy"] > 0.9
    texts = ["a rocket in orbit", "the pitcher and the bat", ""]
    again = textforge.load(done.path)
    assert again.predict(texts[:2]) == ["space", "ball"]
    probabilities = again.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_fits_itself_on_several_labels_a_text(name):
    texts, labels = make_texts(90)
    sets = [[label, "late"] if number % 3 == 0 else [label] for number, label in enumerate(labels)]
    texts = [f"{text} overdue" if "late" in both else text for text, both in zip(texts, sets, strict=True)]
    parts = PluginManager()
    trainer = textforge.Trainer(
        textforge.Dataset(train=(texts, sets)), parts.part("vectorizer", "bow"), parts.part("model", name)
    )
    figures = trainer.fit().evaluate(texts, sets)
    assert figures["micro_f1"] > 0.8


def test_what_has_not_converged_is_said_by_the_run(recipe, tmp_path):
    done = run(recipe, tmp_path, model={"use": "linear-svc", "max_iter": 1})
    assert any("model 'linear-svc' has not converged" in warning for warning in done.result["warnings"])


def losses(optimizer, model=None, scheduler=None, **settings):
    """Mean training loss of each epoch on small data."""
    parts = PluginManager()
    trainer = textforge.Trainer(
        textforge.Dataset(train=make_texts(120)),
        parts.part("vectorizer", "bow"),
        model or parts.part("model", "mlp", hidden=[8, 8]),
        optimizer,
        scheduler=scheduler,
        **{"epochs": 5, "batch_size": 20, **settings},
    )
    return [epoch.train_loss for epoch in trainer]


@pytest.mark.parametrize("name", sorted({*shipped().names("optimizer")} - {"sparse-adam"}))
def test_every_optimizer_trains_a_network(name):
    rates = {"adadelta": 1.0, "adagrad": 0.1, "asgd": 0.5, "sgd": 0.5}
    options = {"of": {"use": "adam", "lr": 0.02}} if name == "lookahead" else {"lr": rates.get(name, 0.02)}
    found = losses(PluginManager().part("optimizer", name, **options))
    assert found[-1] < found[0]


def test_sparse_adam_trains_an_embedding_whose_gradients_are_made_sparse():
    class Words(nn.Module):
        def __init__(self, n_features, n_classes):
            super().__init__()
            self.words, self.output = nn.EmbeddingBag(n_features, 8, mode="sum"), nn.Linear(8, n_classes)

        def forward(self, batch):
            return self.output(self.words(batch.indices, batch.offsets))

    made = []

    def words(n_features, n_classes):
        made.append(Words(n_features, n_classes))
        return made[-1]

    found = losses(PluginManager().part("optimizer", "sparse-adam", lr=0.02), words)
    assert found[-1] < found[0]
    assert not made[0].words.sparse, "only the trainer's own copy is changed"


@pytest.mark.parametrize("name", shipped().names("scheduler"))
def test_every_scheduler_runs(name):
    parts = PluginManager()
    found = losses(parts.part("optimizer", "adam"), scheduler=parts.part("scheduler", name), validation=0.2)
    assert found[-1] < found[0]


@pytest.mark.parametrize("section", [{"use": "focal", "class_weights": "balanced"}, {"use": "cross-entropy"}])
def test_losses_of_one_label_run(section, recipe, tmp_path):
    assert run(recipe, tmp_path, loss=section).test["accuracy"] > 0.5


@pytest.mark.parametrize("name", ["binary-cross-entropy", "focal"])
def test_losses_of_several_labels_and_every_metric_run(name):
    texts, labels = make_texts(120)
    sets = [[label, "late"] if number % 3 == 0 else [label] for number, label in enumerate(labels)]
    texts = [f"{text} overdue" if "late" in both else text for text, both in zip(texts, sets, strict=True)]
    parts = PluginManager()
    weights = {"positive_weights" if name.startswith("binary") else "class_weights": "balanced"}
    trainer = textforge.Trainer(
        textforge.Dataset(train=(texts, sets)),
        parts.part("vectorizer", "bow"),
        parts.part("model", "linear"),
        parts.part("optimizer", "adam", lr=0.1),
        loss=parts.part("loss", name, **weights),
        metrics=[parts.part("metric", metric) for metric in parts.names("metric")],
        epochs=10,
        validation=0.2,
    )
    assert trainer.fit().evaluate(texts, sets)["micro_f1"] > 0.9
    assert trainer.history[-1].valid["roc_auc"] > 0.9


def test_the_wrong_loss_is_reported_with_the_one_to_use(recipe, tmp_path):
    with pytest.raises(textforge.RecipeError, match=r"Use 'cross-entropy'"):
        run(recipe, tmp_path, loss={"use": "binary-cross-entropy"})


def test_every_metric_stands_in_the_result(recipe, tmp_path):
    names = shipped().names("metric")
    trainer = {"epochs": 2, "batch_size": 16, "validation": 0.2, "monitor": "roc-auc"}
    done = run(recipe, tmp_path, metrics=names, trainer=trainer)
    found = {name: done.test[name.replace("-", "_")] for name in names}
    assert all(value is None or 0 <= value <= 3 or name == "mcc" for name, value in found.items())
    assert found["hamming-loss"] == pytest.approx(1 - done.test["accuracy"])


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.usefixtures("corpus")
@pytest.mark.parametrize(("name", "least"), [("nbsvm", 0.865), ("svc", 0.858)])
def test_the_recipes_reach_what_they_say_on_the_real_corpus(name, least, tmp_path):
    path = ROOT / "recipes" / f"newsgroups20-{name}.yaml"
    done = textforge.run(path, out=tmp_path / "run")
    assert (done.test["n"], done.result["n_train"]) == (7532, 11314)
    assert done.test["accuracy"] > least
    said = float(re.search(r"(\d\d\.\d) % of the 7,532", path.read_text())[1])
    assert done.test["accuracy"] == pytest.approx(said / 100, abs=0.002)


def test_reading_every_component_imports_nothing_heavy():
    program = """
import sys
from textforge.components.manager import PluginManager
plugins = PluginManager()
kinds = ("model", "optimizer", "scheduler", "loss", "metric")
read = [one.options for kind in kinds for one in plugins.components(kind)]
print(len(read) > 40, [name for name in ("numpy", "scipy", "sklearn", "torch", "polars") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("True []", "")
