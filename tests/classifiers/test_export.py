"""An exported classifier answers as the original does, without torch. What cannot be exported says so.

One export serves most tests; `test_export_families.py` has every family.
"""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_texts
from in_process import invoke
from torch import nn

import textforge
from textforge import (
    BundleError,
    Classifier,
    ComponentError,
    Dataset,
    FeatureLinear,
    PluginManager,
    RecipeError,
    Trainer,
    hookimpl,
)
from textforge.classifiers.bundles.bundle import save
from textforge.classifiers.storage import sha256

TEXTS = [*make_texts(30, seed=7)[0], "", "orbit", "nothing known here", " ".join(["moon bat of the"] * 300)]
DATA = Dataset(train=make_texts(60))


def decides_by_length(vocab_size: int, n_classes: int, /) -> nn.Module:
    """A model that a graph cannot hold: it treats long texts in another way."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(vocab_size, n_classes)

        def forward(self, batch: Any) -> torch.Tensor:
            ids, mask = batch.padded()
            total = (self.words(ids) * mask.unsqueeze(2)).sum(dim=1)
            return total if ids.shape[1] > 40 else 2 * total

    return Model()


def reads_values(n_features: int, n_classes: int, /) -> nn.Module:
    """A model that no exporter can follow: it reads a number of its input."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = FeatureLinear(n_features, n_classes)

        def forward(self, batch: Any) -> torch.Tensor:
            found = self.layer(batch)
            return found if found.detach().sum().item() > 0 else -found

    return Model()


class Plugin:
    @hookimpl
    def textforge_models(self) -> dict[str, Any]:
        return {"decides-by-length": decides_by_length, "reads-values": reads_values}


PLUGINS = PluginManager()
PLUGINS.register(Plugin())


def trained(vectorizer: str, model: Any, **options: Any) -> Classifier:
    part = PLUGINS.part("model", model, **options)
    optimizer = PLUGINS.part("optimizer", "adam", lr=0.05)
    return Trainer(DATA, PLUGINS.part("vectorizer", vectorizer), part, optimizer, epochs=1, device="cpu").fit()


@pytest.fixture(scope="module")
def original() -> Classifier:
    return trained("bow", "mlp", hidden=[400])


@pytest.fixture(scope="module")
def bundle(original: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported bag. Tests that change it copy it first."""
    return textforge.export(original, tmp_path_factory.mktemp("exported") / "bag").path


@pytest.fixture(scope="module")
def by_onnx(bundle: Path) -> Classifier:
    return textforge.load(bundle)


def test_it_answers_as_the_original_for_any_number_of_texts_of_any_length(
    original: Classifier, by_onnx: Classifier
) -> None:
    assert by_onnx.engine.name == "onnx"
    for texts in (TEXTS, [""], ["", ""], TEXTS[-1:], TEXTS[:2], []):
        np.testing.assert_allclose(by_onnx.predict_proba(texts), original.predict_proba(texts), atol=1e-5)
    assert by_onnx.predict(TEXTS) == original.predict(TEXTS)
    labels = [original.labels[0]] * len(TEXTS)
    assert by_onnx.evaluate(TEXTS, labels) == original.evaluate(TEXTS, labels)


def test_its_bundle_is_of_the_same_kind(bundle: Path) -> None:
    described = json.loads((bundle / "bundle.json").read_text())
    files = sorted(file.name for file in bundle.iterdir())
    assert files == ["README.md", "bundle.json", "model.onnx", "vectorizer.safetensors"]
    assert described["engine"] == {"name": "onnx", "opset": 20, "quantization": None}
    assert described["files"]["model.onnx"] == sha256(bundle / "model.onnx")
    assert len(described["golden"]) == 5


def test_its_graph_says_nothing_about_the_machine_that_made_it(bundle: Path) -> None:
    graph = (bundle / "model.onnx").read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in graph
    assert b".py" not in graph


def test_exporting_twice_gives_the_same_file(original: Classifier, bundle: Path, tmp_path: Path) -> None:
    again = textforge.export(original, tmp_path / "again").path
    assert (again / "model.onnx").read_bytes() == (bundle / "model.onnx").read_bytes()


def test_it_predicts_in_a_process_without_torch(bundle: Path, original: Classifier) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "import textforge\n"
        f"classifier = textforge.load({str(bundle)!r})\n"
        "print(classifier.predict(['orbit moon'])[0], classifier.evaluate(['bat'], ['ball'])['n'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [*original.predict(["orbit moon"]), "1"]


def test_rounded_weights_take_a_quarter_and_change_little(original: Classifier, bundle: Path, tmp_path: Path) -> None:
    rounded = textforge.export(original, tmp_path / "rounded", quantize="int8").path
    assert (rounded / "model.onnx").stat().st_size < 0.4 * (bundle / "model.onnx").stat().st_size
    loaded = textforge.load(rounded)  # its golden predictions are its own
    assert 1e-7 < np.abs(loaded.predict_proba(TEXTS) - original.predict_proba(TEXTS)).max() < 0.02
    alone = np.concatenate([loaded.predict_proba([text]) for text in TEXTS[:5]])
    np.testing.assert_allclose(loaded.predict_proba(TEXTS)[:5], alone, atol=1e-6)  # whatever stands beside a text


def test_a_classifier_that_was_exported_can_be_copied_saved_and_explained(
    by_onnx: Classifier, original: Classifier, tmp_path: Path
) -> None:
    expected = by_onnx.predict_proba(TEXTS)
    saved = textforge.load(save(by_onnx, tmp_path / "x"))
    for again in (copy.deepcopy(by_onnx), pickle.loads(pickle.dumps(by_onnx)), saved):
        np.testing.assert_array_equal(again.predict_proba(TEXTS), expected)
    (found,) = textforge.explain(by_onnx, ["orbit and bat"])
    assert found.method == "deletion"
    assert repr(by_onnx) == repr(original)


def test_the_original_is_unchanged(original: Classifier) -> None:
    assert original.engine.name == "torch"
    assert original.module.training is False


def test_an_exported_classifier_has_no_module_and_cannot_be_exported_again(by_onnx: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match=r"has no torch module\. Load the run or the bundle"):
        _ = by_onnx.module
    with pytest.raises(ComponentError, match="Load the run or the bundle"):
        textforge.export(by_onnx, tmp_path / "x")


@pytest.mark.parametrize(
    ("vectorizer", "model", "reason"),
    [
        ("bow", "reads-values", "model 'reads-values' .*cannot be exported: "),
        ("tokens", "decides-by-length", "model 'decides-by-length' .*its graph gives other probabilities than torch"),
    ],
)
def test_a_model_that_a_graph_cannot_hold_is_refused_by_name(
    vectorizer: str, model: str, reason: str, tmp_path: Path
) -> None:
    classifier = trained(vectorizer, model)
    with pytest.raises(ComponentError, match=reason) as told:
        textforge.export(classifier, tmp_path / "x")
    assert "\n" not in str(told.value)
    assert not [*tmp_path.iterdir()]


def test_unknown_formats_and_existing_folders_are_refused_before_work(original: Classifier, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"unknown format 'onx'. Known: onnx. Did you mean 'onnx'\?"):
        textforge.export(original, tmp_path / "x", to="onx")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"unknown quantization 'int4'\. Known: int8"):
        textforge.export(original, tmp_path / "x", quantize="int4")  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="exists already; bundles are never overwritten"):
        textforge.export(original, tmp_path)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_what_to_install(
    missing: str, original: Classifier, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    for module in ("textforge.classifiers.exporting.onnx_export", "textforge.components.requirements"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(ComponentError, match=rf"needs {missing}, .* pip install 'textforge\[onnx-export\]'"):
        textforge.export(original, tmp_path / "x")
    if missing == "onnxruntime":
        with pytest.raises(BundleError, match=r"needs onnxruntime, .* pip install 'textforge\[onnx\]'"):
            textforge.load(bundle)
    else:
        textforge.load(bundle)


def test_the_command_exports_a_run_and_predict_reads_it(finished_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    done = invoke("export", finished_run, "--to", "onnx", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(out)
    assert json.loads(done.stdout)["difference"] < 1e-5
    predicted = [invoke("predict", path, "orbit moon").stdout for path in (out, finished_run)]
    assert predicted[0] == predicted[1]
    card = (out / "README.md").read_text()
    assert "Accuracy on" in card  # the figures of the run, which the bundle does not have
    assert f"textforge predict {out.name} " in card
    again = invoke("export", out, tmp_path / "again")
    assert again.returncode == 2
    assert "holds a model exported to onnx" in again.stderr
