"""What the wheel of a plugin holds, compared with the folder of an editable install; and what it depends on."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import small_recipe
from in_process import invoke

import textforge
from textforge import BundleError, PluginManager, RecipeError
from textforge.runs.evaluation import evaluate as evaluate_run
from textforge.testing import Skipped, distribution_outcomes
from textforge.testing.wheels import editable_source, missing_from_wheel

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tf-parted"
version = "1.0"
[project.entry-points.textforge]
parted = "tf_parted"
{build}
"""
ONE_FILE = '[tool.hatch.build.targets.wheel]\ninclude = ["tf_parted.py"]'
HOOKS = """
from textforge import hookimpl

@hookimpl
def textforge_metrics():
    return {"parted": "tf_parted_second:parted"}
"""
SECOND = '''
def parted():
    """Mean of the first column."""
    from tf_parted_third import mean
    return lambda gold, probabilities: mean(probabilities)
'''
THIRD = "def mean(probabilities):\n    return float(probabilities[:, 0].mean())\n"


def editable(folder: Path, files: dict[str, str], requires: str = "") -> Path:
    """A distribution that is installed editable: its folder, and a site with its metadata."""
    source, site = folder / "source", folder / "site"
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    info = site / "tf_parted-1.0.dist-info"
    info.mkdir(parents=True)
    required = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tf-parted\nVersion: 1.0\n{required}")
    (info / "entry_points.txt").write_text("[textforge]\nparted = tf_parted\n")
    (info / "direct_url.json").write_text(json.dumps({"url": source.as_uri(), "dir_info": {"editable": True}}))
    return source


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose distribution can be imported."""
    for path in (tmp_path / "source", tmp_path / "source" / "src", tmp_path / "site"):
        monkeypatch.syspath_prepend(str(path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("tf_parted")]:
        del sys.modules[name]


def outcomes() -> dict[str, tuple[str, str]]:
    importlib.invalidate_caches()
    components = [PluginManager().component("metric", "parted")]
    return {one.name: (one.status, one.message) for one in distribution_outcomes("tf-parted", components)}


def test_a_second_module_that_the_wheel_would_lack_is_found(place: Path) -> None:
    files = {"tf_parted.py": HOOKS, "tf_parted_second.py": SECOND, "tf_parted_third.py": THIRD}
    editable(place, {"pyproject.toml": PYPROJECT.format(build=ONE_FILE), "tests/test_x.py": "", **files})
    status, message = outcomes()["its-wheel-holds-what-it-imports"]
    assert status == "failed"
    assert message.startswith(
        "the wheel of tf-parted lacks the module tf_parted_second, the module tf_parted_third, which the folder "
    )
    assert message.endswith("Let the build include it: put all modules into one package folder, such as src/my_plugin.")
    done = invoke("plugin", "check", "parted", "--only", "metric")
    assert done.returncode == 1
    assert "\ndistribution tf-parted\n  ok       its-dependencies-are-installed\n  FAILED   its-wheel" in done.stdout


@pytest.mark.parametrize(
    "lacks", [{}, {"tf_parted/words.json": "{}"}], ids=["whole", "a data file that the build leaves out"]
)
def test_a_package_folder_is_whole_unless_a_file_is_left_out(place: Path, lacks: dict[str, str]) -> None:
    build = '[tool.hatch.build.targets.wheel]\npackages = ["src/tf_parted"]\n'
    build += 'exclude = ["*.json"]\n' if lacks else ""
    hooks = HOOKS.replace("tf_parted_second", "tf_parted.second")
    files = {"__init__.py": hooks, "second.py": SECOND.replace("tf_parted_third", "tf_parted.third"), "third.py": THIRD}
    inside = {f"src/tf_parted/{name}": text for name, text in files.items()}
    inside |= {f"src/{name}": text for name, text in lacks.items()}
    editable(place, {"pyproject.toml": PYPROJECT.format(build=build), **inside})
    status, message = outcomes()["its-wheel-holds-what-it-imports"]
    assert status == ("failed" if lacks else "ok")
    assert not lacks or "lacks the file tf_parted/words.json" in message


def test_a_wheel_that_cannot_be_built_here_says_what_its_build_requires(place: Path, monkeypatch) -> None:
    source = editable(place, {"tf_parted.py": HOOKS, "pyproject.toml": PYPROJECT.format(build=ONE_FILE)})
    assert editable_source("tf-parted") == source
    assert editable_source("pluggy") is None
    failed = subprocess.CompletedProcess([], 1, "", "no backend\n")
    monkeypatch.setattr(subprocess, "run", lambda *given, **named: failed)
    with pytest.raises(Skipped, match=r"built here: no backend\. Its build requires: pip install 'hatchling'"):
        missing_from_wheel(source, ["tf_parted"])


def test_a_project_with_a_setup_py_alone_is_built_by_setuptools(place: Path, monkeypatch) -> None:
    source = editable(place, {"tf_parted.py": HOOKS, "setup.py": "from setuptools import setup\nsetup()\n"})
    given: list[str] = []
    failed = subprocess.CompletedProcess([], 1, "", "no backend\n")
    monkeypatch.setattr(subprocess, "run", lambda command, **named: given.extend(command) or failed)
    with pytest.raises(Skipped, match=r"built here: no backend\.$"):
        missing_from_wheel(editable_source("tf-parted") or source, ["tf_parted"])
    assert "setuptools.build_meta:__legacy__" in " ".join(given)


# -- what it depends on -------------------------------------------------------------------------


@pytest.fixture
def depending(place: Path) -> Path:
    files = {"tf_parted.py": HOOKS, "tf_parted_second.py": SECOND, "tf_parted_third.py": THIRD}
    editable(place, files, requires="nowhere-to-be-found>=4")
    importlib.invalidate_caches()
    return place


MISSING = "tf-parted requires nowhere-to-be-found>=4, which is not installed: pip install 'nowhere-to-be-found>=4'"


def test_a_dependency_that_is_missing_is_found_by_the_check_of_a_recipe(depending: Path) -> None:
    recipe = depending / "recipe.yaml"
    recipe.write_text(
        "dataset: {use: docstrings, packages: [numpy, torch]}\nvectorizer: bow\nmodel: linear\noptimizer: adam\n"
        "metrics: [brier, parted]\n"
    )
    with pytest.raises(RecipeError) as told:
        textforge.load_recipe(recipe)
    assert str(told.value).startswith(f"{recipe}:5:18: metric 'parted' cannot run: {MISSING}\n")
    done = invoke("plugin", "check", "parted", "--only", "metric")
    assert done.returncode == 1
    assert f"  FAILED   its-dependencies-are-installed: {MISSING}" in done.stdout


def test_a_dependency_that_is_missing_is_named_when_its_import_fails(depending: Path) -> None:
    (depending / "source" / "tf_parted_second.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(textforge.PluginError) as told:
        PluginManager().part("metric", "parted")
    assert str(told.value).endswith(f"No module named 'nowhere_to_be_found'. {MISSING}")


def test_a_metric_or_dataset_whose_plugin_was_uninstalled_is_named(
    place: Path, tmp_path: Path, small_csv: Path
) -> None:
    editable(place, {"tf_parted.py": HOOKS, "tf_parted_second.py": SECOND, "tf_parted_third.py": THIRD})
    importlib.invalidate_caches()
    recipe = small_recipe(small_csv, metrics=["parted"], trainer={"epochs": 1})
    run = textforge.run(recipe, out=tmp_path / "run", plugins=PluginManager())
    (place / "site" / "tf_parted-1.0.dist-info").rename(place / "elsewhere")
    importlib.invalidate_caches()
    sentence = (
        f"{run.path}: it was made with metric 'parted' from tf-parted 1.0, which is not installed. "
        "Install it: pip install 'tf-parted==1.0'"
    )
    for call in (
        lambda: evaluate_run(run.path, data=small_csv),
        lambda: textforge.run(run.path / "resolved.yaml", out=tmp_path / "again"),
    ):
        with pytest.raises(BundleError) as told:
            call()
        assert str(told.value) == sentence
    described = json.loads((run.path / "environment.json").read_text())
    described["plugins"]["dataset"] = {"use": "parted", "distribution": "tf-parted", "version": "1.0"}
    (run.path / "environment.json").write_text(json.dumps(described))
    with pytest.raises(BundleError, match=r"it was made with dataset 'parted' from tf-parted 1\.0, which is not"):
        evaluate_run(run.path, metrics=[])
