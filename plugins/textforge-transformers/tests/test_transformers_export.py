"""Exported encoders answer as torch does, fine-tuned or frozen, without torch and transformers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import textforge
from textforge import Dataset, Trainer
from transformers_tiny import checkpoint, environment, make_texts, parts

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

DATA = Dataset(train=make_texts(40))
TEXTS = ["", *make_texts(10, seed=3)[0], " ".join(make_texts(30, seed=4)[0])]
WITHOUT = """
import json, sys
sys.modules["torch"] = sys.modules["transformers"] = sys.modules["onnx"] = None
import textforge, textforge_transformers
plugins = textforge.PluginManager()
if "sentence-embeddings" not in plugins.names("vectorizer"):
    plugins.register(textforge_transformers)
classifier = textforge.load(sys.argv[1], plugins=plugins)
print(json.dumps(classifier.predict_proba(json.loads(sys.stdin.read())).tolist()))
"""


def exported(vectorizer, model: str, folder: Path, quantize=None, **options):
    """A classifier, what its export gave in this process, and in one without torch."""
    import json

    plugins = parts()
    vectorizer = plugins.part("vectorizer", vectorizer.pop("use"), **vectorizer)
    model = plugins.part("model", model, **options)
    optimizer = {} if model.fits_itself else {"optimizer": plugins.part("optimizer", "adam", lr=0.01)}
    classifier = Trainer(DATA, vectorizer, model, epochs=1, device="cpu", **optimizer).fit()
    found = textforge.export(classifier, folder / "exported", quantize=quantize)
    here = textforge.load(found.path, plugins=plugins).predict_proba(TEXTS)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(found.path)],
        input=json.dumps(TEXTS), capture_output=True, text=True, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return classifier.predict_proba(TEXTS), here, np.array(json.loads(done.stdout))


def test_a_fine_tuned_encoder(tmp_path: Path) -> None:
    tokens = {"use": "transformer-tokens", "folder": str(checkpoint())}
    original, here, without = exported(tokens, "transformer-encoder", tmp_path, pooling="mean")
    np.testing.assert_allclose(here, original, atol=1e-5)
    np.testing.assert_allclose(without, original, atol=1e-5)


def test_a_frozen_encoder_within_other_vectorizers(tmp_path: Path) -> None:
    """Its weights leave the state of the vectorizer, wherever it stands; the graph takes their place."""
    embeddings = {"use": "sentence-embeddings", "folder": str(checkpoint()), "carry": False}
    steps = {"use": "preprocess", "steps": ["lowercase"], "vectorizer": embeddings}
    union = {"use": "union", "of": [steps, "bow"]}
    original, here, without = exported(union, "logistic-regression", tmp_path)
    np.testing.assert_allclose(here, original, atol=1e-5)
    np.testing.assert_allclose(without, original, atol=1e-5)


def test_rounded_weights_of_a_frozen_encoder(tmp_path: Path) -> None:
    embeddings = {"use": "sentence-embeddings", "folder": str(checkpoint()), "pooling": "cls"}
    original, here, without = exported(embeddings, "linear", tmp_path, quantize="int8")
    assert 0 < np.abs(here - original).max() < 0.05
    np.testing.assert_allclose(without, here, atol=1e-6)
