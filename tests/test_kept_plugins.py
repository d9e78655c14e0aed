"""Plugins written for earlier numbers of the plugin API run unchanged: wheels built from sources that nobody edits."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import textforge
from textforge import PluginManager

KEPT = ROOT / "tests" / "kept_plugins"
DATA = {"use": "shouting", "n": 200}
LEARNING = {"vectorizer": "bow", "model": "linear", "optimizer": {"use": "adam", "lr": 0.1}}
RECIPES: dict[str, dict[str, Any]] = {
    "each kind": {
        "dataset": DATA,
        "vectorizer": {"use": "first-words", "of": {"use": "bow", "lowercase": False}, "words": 4},
        "model": {"use": "bounded", "of": "bottleneck", "limit": 5.0},
        "optimizer": {"use": "decaying", "lr": 0.5},
        "scheduler": "halving",
        "loss": {"use": "one-margin", "margin": 0.5},
        "metrics": ["confidence"],
        "callbacks": ["slowest"],
        "trainer": {"epochs": 2, "validation": 0.2, "monitor": "confidence"},
    },
    "a stream": {"dataset": {"use": "counted", "chunks": 2}, **LEARNING, "vectorizer": "hashing"},
    "vectors": {"dataset": DATA, **LEARNING, "vectorizer": {"use": "shape", "per": 100.0}},
    "sequences": {"dataset": DATA, **LEARNING, "vectorizer": "tokens", "model": "mean-vector"},
    "one that fits itself": {"dataset": DATA, "vectorizer": "tfidf", "model": "centroids"},
    "places and steps": {
        "dataset": {"use": "docstrings", "packages": ["numpy", "torch"], "per_package": 30},
        "vectorizer": {"use": "preprocess", "steps": ["plurals"], "vectorizer": "rare-words"},
        "model": "two-layers",
        "optimizer": "adam",
    },
}


@contextmanager
def installed(source: Path, folder: Path) -> Iterator[PluginManager]:
    """What is installed, with the wheel of a distribution."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    sys.path.insert(0, str(folder / "site"))
    plugins = PluginManager()
    assert [broken for broken in plugins.broken if broken.origin.distribution in wheel.name.replace("_", "-")] == []
    yield plugins
    sys.path.remove(str(folder / "site"))
    for path in (folder / "site").iterdir():
        sys.modules.pop(path.stem, None)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginManager]:
    with installed(KEPT / "1.0", tmp_path_factory.mktemp("kept")) as plugins:
        yield plugins


def test_every_number_has_its_plugins() -> None:
    """Those of 1.1 and later are distributions of their own; test_written_plugins.py uses those of 1.1."""
    major, minor = map(int, textforge.PLUGIN_API.split("."))
    assert {path.name for path in KEPT.iterdir() if path.is_dir()} == {f"{major}.{n}" for n in range(minor + 1)}


@pytest.mark.parametrize("name", RECIPES)
def test_a_plugin_written_for_an_earlier_number_runs_unchanged(kept: PluginManager, tmp_path: Path, name: str) -> None:
    recipe = {"trainer": {"epochs": 1}, **RECIPES[name]}
    run = textforge.run(recipe, plugins=kept, out=tmp_path / "run")
    assert not [one for one in run.result["warnings"] if "failed" in one or "deprecat" in one]
    again = textforge.load(run.path, plugins=kept, engine="torch")
    texts = ["An array of MOON numbers.", ""]
    assert np.array_equal(again.predict_proba(texts), run.classifier.predict_proba(texts))


def test_an_executor_written_for_1_2_runs_seeds(recipe_file: Path, tmp_path: Path) -> None:
    stages: list[str] = []

    class Heard(textforge.Progress):
        def stage(self, text: str) -> None:
            stages.append(text)

    with installed(KEPT / "1.2" / "textforge-in-turn", tmp_path) as plugins:
        done = textforge.run_seeds(
            recipe_file, [0, 1], out=tmp_path / "seeds", on="in-turn", plugins=plugins, progress=Heard()
        )
    assert [stage for stage in stages if stage.endswith("begins")] == ["seed 1 begins", "seed 0 begins"]
    assert done.result["runs"] == ["seed-0", "seed-1"]


def test_every_part_of_them_is_used(kept: PluginManager) -> None:
    used = str(RECIPES)
    names = {
        (component.kind.name, component.name)
        for kind in (*textforge.components.kinds.KINDS, "command")
        for component in kept.components(kind)
        if component.origin.distribution == "textforge-kept"
    }
    assert {name for kind, name in names if kind != "command" and f"'{name}'" not in used} == set()
    assert len({kind for kind, _ in names}) == 10
