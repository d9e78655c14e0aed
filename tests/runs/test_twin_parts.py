"""A plugin with the name of a standard part, from the recipe to the bundle, and another one installed later."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import make_texts, small_recipe
from in_process import invoke
from installed_sites import MODEL, Site

import textforge
from textforge.sklearn import TextClassifier

NAME = "textforge-twin/mlp"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An installed distribution `textforge-twin` that offers a model `mlp`."""
    folder = Site(tmp_path / "site")
    folder.install("textforge-twin", MODEL.format(name="mlp", dim=3, target="model"))
    monkeypatch.syspath_prepend(folder.folder)
    yield folder
    sys.modules.pop("textforge_twin", None)


def twin_of(classifier: textforge.Classifier) -> str:
    return str(classifier.parts["model"].component.origin)


def test_a_run_of_the_twin_is_repeated_and_loaded_whatever_is_installed_later(
    site: Site, small_csv: Path, tmp_path: Path
) -> None:
    recipe = small_recipe(small_csv, model={"use": NAME, "dim": 4})
    run = textforge.run(recipe, out=tmp_path / "run", overrides={"trainer.epochs": 1})
    assert yaml.safe_load((run.path / "resolved.yaml").read_text())["model"] == {"use": NAME, "dim": 4}
    described = json.loads((run.path / "model" / "bundle.json").read_text())["model"]
    assert (described["use"], described["distribution"]) == ("mlp", "textforge-twin")
    site.install("textforge-later", MODEL.format(name="mlp", dim=9, target="model"))
    again = textforge.run(run.path / "resolved.yaml", out=tmp_path / "again")
    texts, _ = make_texts(20)
    answers = [textforge.load(one.path).predict_proba(texts).tolist() for one in (run, again)]
    assert answers[0] == answers[1]
    assert twin_of(textforge.load(run.path)) == "textforge-twin 1.0"
    done = invoke("predict", run.path, texts[0])
    assert (done.returncode, done.stderr) == (0, "")


def test_code_and_command_line_name_it_everywhere(site: Site, small_csv: Path, recipe_file: Path) -> None:
    texts, labels = make_texts(60)
    trainer = textforge.Trainer(textforge.Dataset(train=(texts, labels)), "bow", NAME, "adam", epochs=1)
    assert twin_of(trainer.fit()) == "textforge-twin 1.0"
    estimator = TextClassifier(small_recipe(small_csv)).set_params(model=NAME, model__dim=5, trainer__epochs=1)
    assert estimator.get_params()["model__dim"] == 5
    assert twin_of(estimator.fit(texts, labels).classifier_) == "textforge-twin 1.0"
    done = invoke("check", recipe_file, "--set", f"model={NAME}", "--json")
    assert json.loads(done.stdout)["resolved"]["model"] == {"use": NAME, "dim": 3}
    shown = invoke("plugins", "model", "Textforge_Twin/mlp")
    assert shown.stdout.startswith("model 'mlp' from textforge-twin 1.0\nA model of mlp.")
    assert ["model", NAME, "textforge-twin", "1.0"] in [row.split() for row in invoke("plugins").stdout.splitlines()]


def test_the_kit_checks_the_one_that_is_named(site: Site) -> None:
    from textforge.testing import installed

    for name in ("textforge-twin/mlp", "textforge-twin", "textforge_twin"):
        components, broken = installed(name)
        assert [str(one.origin) for one in components] == ["textforge-twin 1.0"]
        assert broken == []
