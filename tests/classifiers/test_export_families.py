"""Every family of models can be exported; `benchmarks/export.py` has all their options."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import textforge

KEPT = ROOT / "tests" / "classifiers" / "kept_bundles"
FAMILIES = (
    "bow-mlp",
    "bow-nbsvm",
    "numbers-mlp",
    "preprocess-calibrated-nbsvm",
    "tfidf-calibrated",
    "tfidf-linear-multi-label-thresholds",
    "tokens-fasttext",
    "tokens-rnn-gru-last",
    "tokens-rnn-lstm",
    "tokens-textcnn",
    "tokens-transformer",
    "union-columns",
    "union-ensemble",
)
"""Kept bundles, one of each family; the others have the same graphs."""


@pytest.mark.parametrize("name", FAMILIES)
def test_an_exported_family_answers_as_it_did(name: str, tmp_path: Path) -> None:
    expected = json.loads((KEPT / name / "expected.json").read_text(encoding="utf-8"))
    found = textforge.export(KEPT / name, tmp_path / "exported")
    assert found.difference <= 1e-5
    exported, original = textforge.load(found.path), textforge.load(KEPT / name)
    assert exported.engine.name == "onnx"
    np.testing.assert_allclose(
        exported.predict_proba(expected["texts"]), np.array(expected["probabilities"]), rtol=0, atol=1e-5
    )
    assert exported.predict(expected["texts"]) == original.predict(expected["texts"])
    assert (exported.decision, exported.columns) == (original.decision, original.columns)
