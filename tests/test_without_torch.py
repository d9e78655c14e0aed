"""An environment without torch: the wheel and the packages that docs/without-torch.md names, installed and used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, make_texts

import textforge

PAGE = ROOT / "docs" / "without-torch.md"
LARGEST = 350
"""Megabytes that the environment may take."""
NEEDS = "needs torch, which is not installed. Install it: pip install 'torch'"


def packages() -> list[str]:
    """What the page says to install beside the wheel."""
    found = re.findall(r"^\$ pip install (?!--no-deps)([a-z -]+)$", PAGE.read_text(), re.MULTILINE)
    return [name for line in found[:1] for name in line.split()]


def pip(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Bare:
    """An environment, without the packages of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
        return subprocess.run(
            [str(self.python), *map(str, arguments)],
            capture_output=True, text=True, encoding="utf-8", check=False, env=given, cwd=self.folder,
        )  # fmt: skip

    def textforge(self, *arguments: object) -> str:
        done = self.run("-m", "textforge", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def megabytes(self) -> float:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 2**20


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    folder = tmp_path_factory.mktemp("bare")
    found = Bare(folder / "environment")
    (site,) = (path for path in found.folder.rglob("site-packages") if path.is_dir())
    wheels = folder / "wheels"
    built = pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, ROOT)
    assert built.returncode == 0, built.stderr
    constraints = ROOT / "constraints.txt"
    fetched = pip("install", "--only-binary", ":all:", "-c", constraints, "--target", site, *packages())
    if fetched.returncode:
        pytest.skip(f"NOT TESTED WITHOUT TORCH: no packages can be installed here: {fetched.stderr[-300:]}")
    installed = pip("install", "--no-deps", "--target", site, *wheels.glob("*.whl"))
    assert installed.returncode == 0, installed.stderr
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    texts, labels = make_texts(60)
    (folder / "texts.txt").write_text(
        "".join(f"__label__{label} {text}\n" for text, label in zip(texts, labels, strict=True))
    )
    recipe: dict[str, Any] = {
        "dataset": {"use": "fasttext", "train": str(folder / "texts.txt"), "test": str(folder / "texts.txt")},
        "vectorizer": "tfidf",
        "optimizer": "adam",
        "trainer": {"epochs": 2},
    }
    for name, model in (("linear", "linear"), ("mlp", {"use": "mlp", "hidden": [5]}), ("textcnn", "textcnn")):
        vectorizer = "tokens" if name == "textcnn" else "tfidf"
        textforge.run({**recipe, "model": model, "vectorizer": vectorizer}, out=folder / name)
    return folder


def test_it_is_small_and_has_no_torch(bare: Bare) -> None:
    assert bare.run("-c", "import torch").returncode
    assert bare.run("-c", "import sklearn").returncode
    assert bare.megabytes() < LARGEST
    assert "Commands:" in bare.textforge("--help")


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_classifier_answers_and_is_evaluated(bare: Bare, runs: Path, name: str) -> None:
    expected = textforge.load(runs / name, engine="torch").predict_proba(["the moon"])[0]
    answer = bare.textforge("predict", runs / name, "the moon").split()
    assert float(answer[1]) == pytest.approx(expected.max(), abs=1e-3)
    code = f"import textforge; print(textforge.load({str(runs / name)!r}).predict_proba(['the moon']).tolist())"
    assert np.allclose(eval(bare.run("-c", code).stdout), expected, atol=1e-5)
    assert "accuracy" in bare.textforge("evaluate", runs / name)


def test_a_classifier_is_explained(bare: Bare, runs: Path) -> None:
    assert "exact" in bare.textforge("explain", runs / "linear", "the moon")
    assert "by deletion" in bare.textforge("explain", runs / "mlp", "the moon")


@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        (("run", "{runs}/linear/resolved.yaml"), "'textforge run'"),
        (("cross-validate", "{runs}/linear/resolved.yaml"), "'textforge cross-validate'"),
        (("resume", "{runs}/linear", "--epochs", "1"), "'textforge resume'"),
        (("replay", "{runs}/linear"), "'textforge replay'"),
        (("predict", "{runs}/textcnn", "the moon"), "model 'textcnn'"),
        (("predict", "{runs}/linear", "the moon", "--device", "cuda"), "model 'linear'"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_needs_torch_says_so_in_one_sentence(bare: Bare, runs: Path, arguments: Any, who: str) -> None:
    done = bare.run("-m", "textforge", *(one.format(runs=runs) for one in arguments))
    assert done.returncode == 1
    assert done.stderr == f"error: {who} {NEEDS}.\n"


def test_a_table_needs_polars_and_a_report_jinja2(bare: Bare, runs: Path) -> None:
    (runs / "given.csv").write_text("text\nthe moon\n")
    done = bare.run("-m", "textforge", "predict", runs / "linear", "--input", runs / "given.csv")
    assert (
        done.returncode,
        "needs polars, which is not installed. Install it: pip install 'polars'" in done.stderr,
    ) == (1, True)
    done = bare.run("-m", "textforge", "report", runs / "linear", "-o", runs / "report.html")
    assert "error: 'textforge report' needs jinja2, which is not installed." in done.stderr
