"""Plugins written from docs/plugins.md alone, each a distribution: their wheels are built, checked and used.

Their sources, in tests/kept_plugins/1.1, stay as they are when the plugin API grows.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, TOPICS
from in_process import invoke

import textforge
import textforge.cli as cli
from textforge import PluginManager, RecipeError
from textforge.components.kinds import KINDS
from textforge.errors import TextforgeError
from textforge.runs.evaluation import evaluate
from textforge.testing import Skipped, checks

SOURCES = ROOT / "tests" / "kept_plugins" / "1.1"
BUILD = """
import os, sys
from hatchling.build import build_wheel
for folder in sys.argv[2:]:
    os.chdir(folder)
    build_wheel(sys.argv[1])
"""
TOGETHER = {"sqlite_rows", "stemming", "boosted", "sentences", "ldam", "cost_matrix", "pruning", "telling_words"}
NEEDS = {"stemming": "snowballstemmer", "boosted": "lightgbm"}
TEXTS = ["The moon was moving. It orbits.", "A bat", "", "unknown"]
ADAM = {"use": "adam", "lr": 0.05}


class Site:
    """A folder on `sys.path` with installed wheels."""

    def __init__(self, wheels: Path, folder: Path) -> None:
        self.wheels, self.folder = wheels, folder

    def install(self, *names: str) -> PluginManager:
        """Replace what is installed; a name is that of a distribution without `textforge_`, or ends in `-VERSION`."""
        with contextlib.suppress(FileNotFoundError):
            self.folder.rename(self.folder.with_name(f"was-{random.random()}"))
        self.folder.mkdir()
        for name in names:
            (wheel,) = self.wheels.glob(f"textforge_{name}-*.whl")
            zipfile.ZipFile(wheel).extractall(self.folder)
        self.forget()
        plugins = PluginManager()
        assert plugins.broken == []
        return plugins

    def forget(self) -> None:
        for path in SOURCES.glob("*/src/*"):
            sys.modules.pop(path.name, None)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    projects = [path.parent for path in SOURCES.glob("*/pyproject.toml")]
    subprocess.run([sys.executable, "-c", BUILD, folder, *projects], check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def a_site(wheels: Path, folder: Path) -> Iterator[Site]:
    site = Site(wheels, folder / "site")
    sys.path.insert(0, str(site.folder))
    yield site
    sys.path.remove(str(site.folder))
    site.forget()


@pytest.fixture(scope="module")
def plugins(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginManager]:
    """The eight that live together."""
    with a_site(wheels, tmp_path_factory.mktemp("together")) as site:
        yield site.install(*TOGETHER)


@pytest.fixture
def site(wheels: Path, tmp_path: Path) -> Iterator[Site]:
    with a_site(wheels, tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 rows of one label, then 60 of another, then 30."""
    path = tmp_path_factory.mktemp("data") / "texts.db"
    rng = random.Random(0)
    rows = [
        (f"{' '.join(rng.choices(TOPICS[label], k=4))}. It {rng.choice(['moves', 'moved', 'was moving'])} well.", label)
        for label, n in (("space", 120), ("ball", 60), ("paint", 30))
        for _ in range(n)
    ]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE texts (text, label)")
        connection.executemany("INSERT INTO texts VALUES (?, ?)", rows)
        connection.commit()
    return path


@pytest.fixture(scope="module")
def table(database: Path) -> Path:
    """The same rows as a CSV file, for parts that need texts in memory."""
    path = database.with_suffix(".csv")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT text, label FROM texts").fetchall()
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return path


def run(plugins: PluginManager, out: Path, **sections: Any) -> textforge.Run:
    """Run a recipe; its bundle answers as the classifier in memory."""
    done = textforge.run({"trainer": {"epochs": 3}, **sections}, plugins=plugins, out=out)
    again = textforge.load(done.path, plugins=plugins, engine="torch")
    assert np.array_equal(again.predict_proba(TEXTS), done.classifier.predict_proba(TEXTS))
    assert not [one for one in done.result["warnings"] if "failed" in one]
    return done


def data(table: Path) -> dict[str, Any]:
    return {"use": "csv", "train": table, "test_fraction": 0.2}


def needs(name: str) -> None:
    pytest.importorskip(NEEDS.get(name, "textforge"), reason="a test dependency, of the extra textforge[dev]")


# -- the contract ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TOGETHER - {"sqlite_rows", "cost_matrix"}))
def test_every_part_keeps_the_contract(plugins: PluginManager, name: str) -> None:
    needs(name)
    assert kept(plugins, f"textforge-{name.replace('_', '-')}", {}) > 10


def test_parts_that_need_options_keep_the_contract_with_options(plugins: PluginManager, database: Path) -> None:
    assert kept(plugins, "textforge-sqlite-rows", {"path": database, "chunk_rows": 50}) > 10
    assert kept(plugins, "textforge-cost-matrix", {"costs": {}}) > 10


def kept(plugins: PluginManager, distribution: str, options: dict[str, Any]) -> int:
    """The number of checks that apply to the components of a distribution, all of which pass."""
    passed = 0
    for component in (one for kind in (*KINDS, "command") for one in plugins.components(kind)):
        if component.origin.distribution == distribution:
            for check in checks(component.kind.name, component.name, options=options, plugins=plugins):
                with contextlib.suppress(Skipped):
                    check()
                    passed += 1
    return passed


# -- each of them, used ----------------------------------------------------------------------------


def test_a_stream_from_sqlite_with_stems_in_front_of_a_vectorizer_that_streams(
    plugins: PluginManager, database: Path, tmp_path: Path
) -> None:
    needs("stemming")
    dataset = {"use": "sqlite-rows", "path": str(database), "chunk_rows": 50}
    vectorizer = {"use": "stemmed", "of": {"use": "tfidf", "max_features": 40}}
    done = run(plugins, tmp_path / "run", dataset=dataset, vectorizer=vectorizer, model="linear", optimizer=ADAM)
    assert done.test["accuracy"] > 0.9


def test_a_run_of_a_dataset_that_splits_its_file_is_evaluated_on_another_by_a_recipe(
    plugins: PluginManager, database: Path, tmp_path: Path
) -> None:
    dataset = {"use": "sqlite-rows", "path": str(database)}
    done = run(plugins, tmp_path / "run", dataset=dataset, vectorizer="hashing", model="linear", optimizer=ADAM)
    other = database.with_name("other.db")
    other.write_bytes(database.read_bytes())
    with pytest.raises(RecipeError, match=r"reads such a file by its option 'path'\. .* give the copy with --data"):
        evaluate(done.path, data=other, plugins=plugins)
    recipe = tmp_path / "other.yaml"
    recipe.write_text((done.path / "resolved.yaml").read_text().replace(str(database), str(other)))
    assert evaluate(done.path, data=recipe, plugins=plugins)["accuracy"] == done.test["accuracy"]


def test_stems_reach_the_vectorizer_within_at_the_fit_and_at_prediction(
    plugins: PluginManager, table: Path, tmp_path: Path
) -> None:
    needs("stemming")
    vectorizer = {"use": "stemmed", "of": {"use": "tfidf"}}
    done = run(plugins, tmp_path / "run", dataset=data(table), vectorizer=vectorizer, model="linear", optimizer=ADAM)
    names = done.classifier.feature_names
    assert names is not None
    assert "move" in names
    assert not {"moved", "moves", "moving"} & set(names)
    assert np.array_equal(*(done.classifier.predict_proba([text]) for text in ("moon moved", "moons MOVING")))


def test_boosted_trees_come_back_without_pickle(plugins: PluginManager, table: Path, tmp_path: Path) -> None:
    needs("boosted")
    done = run(plugins, tmp_path / "run", dataset=data(table), vectorizer="tfidf", model={"use": "boosted", "trees": 9})
    assert done.test["accuracy"] > 0.9
    assert {path.suffix for path in (done.path / "model").iterdir()} == {".json", ".safetensors"}
    environment = (done.path / "environment.json").read_text()
    assert '"lightgbm": "' in environment, "the version of what a plugin depends on"


def test_several_plugins_meet_in_one_recipe(plugins: PluginManager, table: Path, tmp_path: Path) -> None:
    """Attention over sentences, margins and weights of classes, costs by their names, a callback that prunes."""
    sections: dict[str, Any] = {
        "dataset": data(table),
        "vectorizer": "sentences",
        "model": {"use": "hierarchical", "dim": 8, "hidden": 4},
        "loss": {"use": "ldam", "defer": 0.5},
        "metrics": [{"use": "cost-matrix", "costs": {"space": {"ball": 5.0}}}],
        "callbacks": ["prune"],
        "trainer": {"epochs": 3, "validation": 0.2, "monitor": "cost-matrix", "batch_size": 30},
    }
    good = run(plugins, tmp_path / "good", **sections, optimizer=ADAM)
    assert good.test["accuracy"] > 0.9
    assert good.test["cost_matrix"] < 0.1
    assert good.result["stopped"] is None
    bad = run(plugins, tmp_path / "bad", **sections, optimizer={"use": "sgd", "lr": 1e-9})
    assert bad.result["stopped"] == "accuracy is below the median of 1 runs after epoch 1"
    assert bad.result["epochs"] == 1
    sections["metrics"] = [{"use": "cost-matrix", "costs": {"space": {"bll": 5.0}}}]
    with pytest.raises(RecipeError, match=r"no label 'bll'\. Did you mean 'ball'\?"):
        run(plugins, tmp_path / "wrong", **sections, optimizer=ADAM)


def test_a_command_reads_a_run(
    plugins: PluginManager, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(plugins, tmp_path / "run", dataset=data(table), vectorizer="tfidf", model="linear", optimizer=ADAM)
    monkeypatch.setattr(cli, "_plugins", lambda: plugins)  # those of this process may have been looked up before
    done = invoke("telling-words", tmp_path / "run", "-n", 3)
    assert done.returncode == 0
    listed = dict(line.split(": ") for line in done.stdout.splitlines())
    assert {label: set(words.split()) <= set(TOPICS[label]) for label, words in listed.items()} == {
        "ball": True,
        "paint": True,
        "space": True,
    }


# -- the second day --------------------------------------------------------------------------------


def test_an_old_bundle_and_an_old_recipe_work_after_an_option_was_renamed(
    site: Site, table: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "old.yaml"
    recipe.write_text(
        f"dataset: {{use: csv, train: {table}, test_fraction: 0.2}}\nvectorizer: tfidf\n"
        "model: {use: narrow, width: 6}\noptimizer: {use: adam, lr: 0.05}\ntrainer: {epochs: 2}\n"
    )
    old = textforge.run(recipe, plugins=site.install("renamed-1.0"), out=tmp_path / "old")
    probabilities = old.classifier.predict_proba(TEXTS)
    upgraded = site.install("renamed-2.0")
    assert np.array_equal(textforge.load(old.path, plugins=upgraded).predict_proba(TEXTS), probabilities)
    for number, path in enumerate((recipe, old.path / "resolved.yaml")):
        new = textforge.run(path, plugins=upgraded, out=tmp_path / f"new{number}")
        assert np.array_equal(new.classifier.predict_proba(TEXTS), probabilities)
        (told,) = [one for one in new.result["warnings"] if "renamed" in one]
        assert told.endswith("model 'narrow': the option 'width' has been renamed. Write 'dim: 6'.")


def test_two_plugins_with_one_name_break_neither_bundles_nor_recipes_of_others(
    site: Site, table: Path, tmp_path: Path
) -> None:
    common = {"dataset": data(table), "vectorizer": "tfidf", "optimizer": ADAM}
    standard = run(site.install(), tmp_path / "standard", model={"use": "mlp", "hidden": [4]}, **common)
    twin = run(site.install("twin_left"), tmp_path / "twin", model="twin", **common)
    both = site.install("twin_left", "twin_right")
    for earlier in (standard, twin):
        now = textforge.load(earlier.path, plugins=both, engine="torch").predict_proba(TEXTS)
        assert np.array_equal(now, earlier.classifier.predict_proba(TEXTS))
        textforge.run(earlier.path / "resolved.yaml", plugins=both, out=tmp_path / f"{earlier.path.name}-again")
    again = run(both, tmp_path / "again", model={"use": "mlp", "hidden": [4]}, **common)
    assert np.array_equal(again.classifier.predict_proba(TEXTS), standard.classifier.predict_proba(TEXTS))
    run(both, tmp_path / "right", model={"use": "textforge-twin-right/twin", "right": 3}, **common)
    with pytest.raises(TextforgeError, match="'textforge-twin-left/twin' or 'textforge-twin-right/twin'"):
        run(both, tmp_path / "either", model="twin", **common)
    with pytest.raises(TextforgeError, match=r"pip install 'textforge-twin-left==1.0'"):
        textforge.run(twin.path / "resolved.yaml", plugins=site.install("twin_right"), out=tmp_path / "without")
