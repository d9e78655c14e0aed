"""Loading, predicting and evaluating import neither torch nor scikit-learn: each path in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import make_texts

import textforge

HEAVY = {"torch", "sklearn", "scipy", "pandas", "jinja2", "matplotlib"}
TABLES = {"polars", "pyarrow"}
CODE = """
import sys
{work}
sys.stdout.flush()
print(chr(0) + " ".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
COMMAND = "from textforge.cli import cli; cli.main({arguments!r}, standalone_mode=False)"
RECIPE = {
    "vectorizer": {
        "use": "union",
        "of": [{"use": "tfidf", "stop_words": "english"}, {"use": "bow", "unit": "characters"}],
    },
    "trainer": {"epochs": 1},
}
MODELS = {
    "linear": {"model": "linear", "optimizer": "adam"},
    "calibrated": {"model": {"use": "calibrated", "of": {"use": "linear-svc"}, "cv": 2}},
    "mlp": {"model": {"use": "mlp", "hidden": [4]}, "optimizer": "adam"},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    texts, labels = make_texts(60)
    lines = [f"__label__{label} {text}\n" for text, label in zip(texts, labels, strict=True)]
    (folder / "texts.txt").write_text("".join(lines))
    dataset = {"use": "fasttext", "train": str(folder / "texts.txt"), "test": str(folder / "texts.txt")}
    for name, parts in MODELS.items():
        textforge.run({**RECIPE, **parts, "dataset": dataset}, out=folder / name)
    return folder


def loaded(work: str) -> tuple[str, set[str]]:
    """What a fresh process printed, and the packages that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(work=work)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    printed, _, modules = done.stdout.partition("\0")
    return printed, set(modules.split())


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("linear", "import textforge; print(textforge.load({run!r}).predict(['moon']))"),
        ("calibrated", "import textforge; print(textforge.load({run!r}).predict_proba(['moon'] * 2000).shape)"),
        ("mlp", "import textforge; print(textforge.load({run!r}).evaluate(['moon'], ['space'])['accuracy'])"),
        ("linear", "import textforge; print(textforge.explain({run!r}, ['moon'])[0].method)"),
        ("calibrated", COMMAND.format(arguments=["predict", "{run}", "the moon"])),
        ("mlp", COMMAND.format(arguments=["predict", "{run}", "--input", "{run}/../texts.txt"])),
        ("linear", COMMAND.format(arguments=["evaluate", "{run}"])),
        ("calibrated", COMMAND.format(arguments=["explain", "{run}", "the moon"])),
    ],
)
def test_a_path_without_gradients_imports_no_torch(runs: Path, name: str, work: str) -> None:
    printed, modules = loaded(work.format(run=str(runs / name)))
    assert printed.strip()
    assert "numpy" in modules
    assert not modules & (HEAVY | TABLES)


def test_the_torch_engine_imports_torch(runs: Path) -> None:
    _, modules = loaded(f"import textforge; textforge.load({str(runs / 'linear')!r}, engine='torch')")
    assert "torch" in modules
